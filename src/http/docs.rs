//! The documentation at `/docs`: the pages that the build generates from `playground/docs`. They run no scripts.

use std::sync::Arc;

use poem::{
    Request, Response, handler,
    web::{Data, Path},
};

use super::{answer, media, playground as pages};
use crate::app::App;

/// The content security policy of the pages. It allows only their stylesheet and their empty icon.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Shows the list of pages.
#[handler]
pub(super) fn show_index(Data(app): Data<&Arc<App>>) -> Response {
    page("docs.html").unwrap_or_else(|| pages::not_built(&app.config))
}

/// Shows a page, or responds with 404 if there is no page with this name.
#[handler]
pub(super) fn show_page(request: &Request, Path(name): Path<String>) -> Response {
    page(&format!("docs/{name}.html")).unwrap_or_else(|| {
        let message = "There is no such page in the documentation. All pages are listed at /docs.";
        let refusal = answer::nothing(message);
        if media::prefers_html(request.headers()) { answer::as_page(refusal, message) } else { refusal }
    })
}

fn page(path: &str) -> Option<Response> {
    let file = playground::file(path)?;
    Some(pages::answer_of(POLICY, file.content_type, file.bytes))
}
