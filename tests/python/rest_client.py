"""One user's day with the client that openapi-python-client generates from /openapi.json.

Usage: rest_client.py FOLDER URL STAFF-TOKEN
Validates the description, generates the client into FOLDER, and checks every response against the description.
Prints what was seen, as JSON.
"""

import importlib
import inspect
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import httpx
from jsonschema import Draft202012Validator
from openapi_python_client.utils import PythonIdentifier, snake_case
from openapi_spec_validator import validate
from referencing import Registry
from referencing.jsonschema import DRAFT202012

folder, url, staff_token = sys.argv[1:]
description = httpx.get(f"{url}/openapi.json", trust_env=False).raise_for_status().json()
validate(description)

Path(folder, "openapi.json").write_text(json.dumps(description))
Path(folder, "config.yml").write_text("post_hooks: []")  # nobody reads the code, so it needs no formatting
generate = "generate --meta none --path openapi.json --config config.yml --output-path gatehouse_rest --fail-on-warning"
command = [sys.executable, "-m", "openapi_python_client", *generate.split()]
subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)
sys.path.insert(0, folder)

from gatehouse_rest import AuthenticatedClient, Client  # noqa: E402
from gatehouse_rest.api.default import (  # noqa: E402
    login,
    logout,
    me,
    signup,
    update_profile,
    username_available,
    users,
    users_by_post,
)
from gatehouse_rest.models import (  # noqa: E402
    AuthPayload,
    LoginInput,
    LoginVariables,
    LogoutVariables,
    Refusal,
    Role,
    SignupInput,
    SignupVariables,
    UpdateProfileInput,
    UpdateProfileVariables,
    UserError,
    UserFilter,
    UsersVariables,
)

EMAIL, PASSWORD = "ada@example.org", "correct horse battery"


def left_out():
    """Yields the operations and parameters that the client lacks. The generator does not warn about parameters."""
    for path in description["paths"].values():
        for operation in path.values():
            name = operation["operationId"]
            module = importlib.import_module(f"gatehouse_rest.api.default.{snake_case(name)}")
            accepted = inspect.signature(module.sync_detailed).parameters
            wanted = [parameter["name"] for parameter in operation.get("parameters", [])]
            wanted += ["body"] if "requestBody" in operation else []
            yield from (f"{name}.{each}" for each in wanted if PythonIdentifier(each, "field_") not in accepted)


registry = Registry().with_resource("urn:description", DRAFT202012.create_resource(description))
formats = Draft202012Validator.FORMAT_CHECKER


def check(response):
    """Raises an error if the description does not allow a response."""
    response.read()
    request = response.request
    operation = ["paths", request.url.path, request.method.lower()]
    media_type = response.headers["content-type"].split(";")[0]
    steps = [*operation, "responses", str(response.status_code), "content", media_type, "schema"]
    pointer = "".join("/" + step.replace("/", "~1") for step in steps)
    schema = {"$ref": f"urn:description#{pointer}"}
    Draft202012Validator(schema, registry=registry, format_checker=formats).validate(response.json())


options = {"base_url": url, "httpx_args": {"event_hooks": {"response": [check]}, "trust_env": False}}


def seen(outcome):
    """Returns the class of an outcome, which tells the members of a union apart, and what the member has."""
    match outcome:
        case AuthPayload(user=user):
            return ["AuthPayload", user.username]
        case UserError(code=code, fields=fields):
            return ["UserError", code, [field.field for field in fields]]
        case _:
            return [type(outcome).__name__]


def refusal(response):
    """Returns the status and the codes of a response without data."""
    assert isinstance(response.parsed, Refusal), response
    return [response.status_code, [error.extensions.code for error in response.parsed.errors]]


def sign_in(identifier, password=PASSWORD):
    body = LoginVariables(LoginInput(identifier=identifier, password=password))
    return login.sync(client=nobody, body=body).data.answer


nobody = Client(**options)
new_account = SignupInput(email=EMAIL, username="ada", password=PASSWORD)
same_address = SignupInput(email=EMAIL, password=PASSWORD)
before = username_available.sync(client=nobody, username="ada").data.answer
signups = [
    signup.sync(client=nobody, body=SignupVariables(account)).data.answer for account in [new_account, same_address]
]
signed_in = sign_in("ada")
after = username_available.sync(client=nobody, username="ada").data.answer

user = AuthenticatedClient(token=signed_in.access_token, **options)
profile = me.sync(client=user).data.answer
page = users.sync(client=user, first=10)
renamed = update_profile.sync(client=user, body=UpdateProfileVariables(UpdateProfileInput(name="Ada Lovelace")))

staff = AuthenticatedClient(token=staff_token, **options)
only_staff = UsersVariables(first=10, filter_=UserFilter(role=Role.STAFF))
colleagues = users_by_post.sync(client=staff, body=only_staff).data.answer.nodes

without_token = refusal(me.sync_detailed(client=nobody))
ended = logout.sync(client=user, body=LogoutVariables()).data.answer.ended_session_ids

print(json.dumps({
    "left_out": list(left_out()),
    "available": [before.is_available, after.is_available],
    "signups": [seen(outcome) for outcome in signups],
    "logins": [seen(outcome) for outcome in [signed_in, sign_in(EMAIL), sign_in(EMAIL, "wrong horse battery")]],
    "me": [profile.email, profile.role, profile.name, isinstance(profile.created_at, datetime)],
    "users": [page.data.answer, [error.extensions.code for error in page.errors]],
    "renamed": [*seen(renamed.data.answer), renamed.data.answer.name],
    "colleagues": [colleague.email for colleague in colleagues],
    "without_token": without_token,
    "ended": ended == [signed_in.session.id],
    "afterwards": refusal(me.sync_detailed(client=user)),
}))
