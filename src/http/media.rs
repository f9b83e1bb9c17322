//! Which of the two media types of GraphQL over HTTP a client wants.

use mime::Mime;
use poem::http::{HeaderMap, header};

/// A media type of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/json`: the status says only whether the request arrived.
    Json,
    /// `application/graphql-response+json`: the status says whether it was executed.
    GraphqlResponse,
}

impl Media {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }

    /// The best of what `Accept` lists; none where it lists neither.
    pub(super) fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let listed = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges: Vec<&str> = listed
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|range| !range.is_empty())
            .collect();
        if ranges.is_empty() {
            return Some(Self::Json);
        }
        let mut best = None;
        for (media, quality) in ranges.into_iter().filter_map(read) {
            if quality > 0.0 && best.is_none_or(|(_, most)| quality > most) {
                best = Some((media, quality));
            }
        }
        best.map(|(media, _)| media)
    }
}

fn read(range: &str) -> Option<(Media, f32)> {
    let range: Mime = range.parse().ok()?;
    let media =
        match (range.type_().as_str(), range.subtype().as_str(), range.suffix().map(|name| name.as_str())) {
            ("application", "graphql-response", Some("json")) => Media::GraphqlResponse,
            ("application", "json" | "*", None) | ("*", "*", None) => Media::Json,
            _ => return None,
        };
    let quality = range.get_param("q").map_or(Some(1.0), |q| q.as_str().parse().ok())?;
    Some((media, quality))
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
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(Media::negotiate(&headers), media, "{accept}");
        }
    }
}
