//! The subscriptions of a WebSocket.

use std::collections::HashMap;

use async_graphql::{Response as GraphqlResponse, ServerError, parser::types::OperationType};
use futures_util::{
    StreamExt,
    future::AbortHandle,
    stream::{self, BoxStream, SelectAll},
};

use crate::graphql::error::ApiError;

/// The subscriptions of a connection.
#[derive(Default)]
pub(super) struct Subscriptions {
    open: HashMap<String, AbortHandle>,
    streams: SelectAll<BoxStream<'static, (String, Option<GraphqlResponse>)>>,
}

impl Subscriptions {
    pub(super) fn has(&self, id: &str) -> bool {
        self.open.contains_key(id)
    }

    pub(super) fn count(&self) -> usize {
        self.open.len()
    }

    /// Adds a subscription.
    pub(super) fn begin(&mut self, id: &str, responses: BoxStream<'static, GraphqlResponse>) {
        let responses = responses.map(Some).chain(stream::iter([None]));
        let (responses, handle) = stream::abortable(responses);
        self.open.insert(id.to_owned(), handle);
        let id = id.to_owned();
        self.streams.push(responses.map(move |response| (id.clone(), response)).boxed());
    }

    /// Removes a subscription.
    pub(super) fn end(&mut self, id: &str) {
        if let Some(handle) = self.open.remove(id) {
            handle.abort();
        }
    }

    /// Returns the ID and the next response of a subscription. The response is `None` if the subscription has ended.
    /// Returns `None` if there are no subscriptions.
    pub(super) async fn next(&mut self) -> Option<(String, Option<GraphqlResponse>)> {
        self.streams.next().await
    }
}

/// Checks that an operation of this type may run over a WebSocket.
pub(super) fn may_subscribe(kind: OperationType) -> Result<(), ServerError> {
    match kind {
        OperationType::Query | OperationType::Mutation => {
            let message = "WebSockets accept only subscriptions. Send queries and mutations by POST.";
            Err(ApiError::BadRequest(message.to_owned()).into())
        }
        OperationType::Subscription => Ok(()),
    }
}
