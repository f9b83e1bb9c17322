"""An OpenTelemetry collector for tests. It appends each span that it receives to a file, one JSON object per line.

Usage: otlp_server.py PORT SPANS
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/v1/traces" or self.headers["Content-Type"] != "application/x-protobuf":
            self.send_error(400)
            return
        request = ExportTraceServiceRequest.FromString(body)
        with open(self.server.spans, "a") as spans:
            for resource_spans in request.resource_spans:
                for scope_spans in resource_spans.scope_spans:
                    for span in scope_spans.spans:
                        spans.write(json.dumps(as_json(resource_spans.resource, span)) + "\n")
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def as_json(resource, span):
    return {
        "resource": attributes(resource.attributes),
        "trace": span.trace_id.hex(),
        "id": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "name": span.name,
        "kind": Span.SpanKind.Name(span.kind),
        "status": Status.StatusCode.Name(span.status.code),
        "begun": span.start_time_unix_nano,
        "ended": span.end_time_unix_nano,
        "attributes": attributes(span.attributes),
    }


def attributes(pairs):
    return {pair.key: pair.value.string_value for pair in pairs}


server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.spans = sys.argv[2]
server.serve_forever()
