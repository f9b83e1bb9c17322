//! The media type of a request's body, and the media type that a client prefers for the response.

use std::cmp::Ordering;

use poem::http::{HeaderMap, HeaderName, header};

/// A media type of responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/json`: the status says only whether the request arrived.
    Json,
    /// `application/graphql-response+json`: the status says whether the operation was executed.
    GraphqlResponse,
}

impl Media {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }

    /// Returns the best match for `Accept`, or `None` if neither type is acceptable.
    pub(super) fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let ranges = MediaType::list(headers, &header::ACCEPT);
        if ranges.is_empty() {
            return Some(Self::Json);
        }
        let mut best = None;
        for (media, quality) in ranges.iter().filter_map(|range| Some((Self::of(range)?, range.quality()?))) {
            if quality > 0.0 && best.is_none_or(|(_, most)| quality > most) {
                best = Some((media, quality));
            }
        }
        best.map(|(media, _)| media)
    }

    fn of(range: &MediaType) -> Option<Self> {
        match range.essence.as_str() {
            "application/graphql-response+json" => Some(Self::GraphqlResponse),
            "application/json" | "application/*" | "*/*" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Returns whether a client accepts server-sent events.
pub(super) fn accepts_events(headers: &HeaderMap) -> bool {
    let ranges = MediaType::list(headers, &header::ACCEPT);
    let is_wanted = |range: &MediaType| range.quality().is_some_and(|quality| quality > 0.0);
    ranges.iter().any(|range| range.essence == "text/event-stream" && is_wanted(range))
}

/// Returns whether a client prefers a page to JSON, as browsers do when a person opens a URL.
pub(super) fn prefers_html(headers: &HeaderMap) -> bool {
    let ranges = MediaType::list(headers, &header::ACCEPT);
    // the most specific range determines the quality of a type (RFC 9110 §12.5.1)
    let wish = |names: [&str; 3]| {
        let mut ranges = names.iter().enumerate().filter_map(|(rank, name)| {
            let range = ranges.iter().find(|range| range.essence == **name)?;
            Some((range.quality()?, names.len() - rank))
        });
        ranges.next().unwrap_or((0.0, 0))
    };
    let (html, json) =
        (wish(["text/html", "text/*", "*/*"]), wish(["application/json", "application/*", "*/*"]));
    html.0 > 0.0 && html.partial_cmp(&json) == Some(Ordering::Greater)
}

/// Checks that a body is JSON in UTF-8 according to every `Content-Type` header. Checking only one would not be enough,
/// because a proxy and a server may each read a different header.
///
/// # Errors
/// Returns the problem as a sentence.
pub(super) fn check_json(headers: &HeaderMap) -> Result<(), &'static str> {
    let types = MediaType::list(headers, &header::CONTENT_TYPE);
    if types.is_empty() || types.iter().any(|media_type| media_type.essence != "application/json") {
        return Err("The body must be JSON, with the Content-Type application/json.");
    }
    let mut charsets = types.iter().flat_map(|media_type| media_type.all("charset"));
    if charsets.any(|charset| !["utf-8", "utf8"].iter().any(|name| charset.eq_ignore_ascii_case(name))) {
        return Err("JSON must be UTF-8: omit the charset from the Content-Type, or use charset=utf-8.");
    }
    Ok(())
}

/// A media type or range (RFC 9110 §8.3.1), in lower case except for the values of its parameters.
struct MediaType {
    essence: String,
    parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Returns all entries in the headers with this name. A value that is not text becomes an unknown type.
    fn list(headers: &HeaderMap, name: &HeaderName) -> Vec<Self> {
        let values = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?"));
        values.flat_map(|value| split(value, ',')).filter(|text| !text.is_empty()).map(Self::read).collect()
    }

    fn read(text: &str) -> Self {
        let mut parts = split(text, ';').into_iter();
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        let parameters = parts.filter_map(|part| {
            let (name, value) = part.split_once('=')?;
            Some((name.trim_ascii().to_ascii_lowercase(), unquoted(value.trim_ascii())))
        });
        Self { essence, parameters: parameters.collect() }
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.parameters.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Returns the quality, or `None` if it is not a number.
    fn quality(&self) -> Option<f32> {
        self.all("q").next().map_or(Some(1.0), |quality| quality.parse().ok())
    }
}

/// Splits at separators outside of quotes (RFC 9110 §5.6.4), and trims the parts.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = text.split(|c| {
        let is_end = c == separator && !is_quoted;
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = is_quoted && c == '\\' && !is_escaped;
        is_end
    });
    parts.map(str::trim_ascii).collect()
}

fn unquoted(text: &str) -> String {
    let Some(quoted) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut is_escaped = false;
    let kept = quoted.chars().filter(|c| {
        is_escaped = *c == '\\' && !is_escaped;
        !is_escaped
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_the_highest_quality_is_chosen_and_the_first_of_equals() {
        for (accept, media) in [
            ("", Some(Media::Json)),
            ("*/*", Some(Media::Json)),
            ("application/json", Some(Media::Json)),
            ("application/graphql-response+json", Some(Media::GraphqlResponse)),
            ("application/graphql-response+json, application/json;q=0.9", Some(Media::GraphqlResponse)),
            ("application/json, application/graphql-response+json", Some(Media::Json)),
            ("application/graphql-response+json;q=0, */*", Some(Media::Json)),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Some(Media::Json)),
            ("text/html", None),
            ("application/json;q=0", None),
            ("Application/JSON ; Q=0.5 , application/graphql-response+json ; q=0.4", Some(Media::Json)),
            ("application/json; x=\"a,b;q=0\"; q=\"1\"", Some(Media::Json)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(Media::negotiate(&headers), media, "{accept}");
        }
    }

    #[test]
    fn a_page_is_for_those_who_would_rather_have_one() {
        for (accept, is_html) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", true),
            ("text/html, application/xhtml+xml, */*", true),
            ("text/*", true),
            ("text/html ; q=0.2, application/json;q=0.1", true),
            ("", false),
            ("*/*", false),
            ("application/json, text/html", false),
            ("application/json, text/plain, */*", false),
            ("text/html;q=0", false),
            ("text/html;q=0.5, */*", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(prefers_html(&headers), is_html, "{accept}");
        }
    }
}
