"""One user's day with sgqlc, as in tests/node/clients.mjs.

Usage: sgqlc_client.py FOLDER URL-OF-GRAPHQL STAFF-TOKEN
Generates FOLDER/gatehouse_schema.py from FOLDER/schema.json, which `gatehouse schema --json` prints. Prints
the results as JSON.
"""

import json
import subprocess
import sys

from sgqlc.endpoint.http import HTTPEndpoint
from sgqlc.operation import Operation

folder, url, staff_token = sys.argv[1:]
command = [sys.executable, "-m", "sgqlc.codegen", "schema", "schema.json", "gatehouse_schema.py"]
subprocess.run(command, cwd=folder, check=True)
sys.path.insert(0, folder)

from gatehouse_schema import AuthPayload, LoginInput, Mutation, Query, SignupInput, UserError  # noqa: E402

EMAIL, PASSWORD = "sgqlc@example.org", "correct horse battery"


def run(operation, token=None):
    """Returns the data, as an object of a generated type, and the codes of top-level errors."""
    response = HTTPEndpoint(url, {"Authorization": f"Bearer {token}"} if token else {})(operation)
    codes = [error["extensions"]["code"] for error in response.get("errors", [])]
    return operation + {"data": response["data"]}, codes


def sign_in(field, **arguments):
    operation = Operation(Mutation)
    result = getattr(operation, field)(**arguments)
    result.__typename__()
    result.__as__(AuthPayload).__fields__("access_token")
    result.__as__(AuthPayload).session.id()
    result.__as__(UserError).__fields__("code", "message")
    return getattr(run(operation)[0], field)


new_account = SignupInput(email=EMAIL, password=PASSWORD)
signup, again = [sign_in("signup", input=new_account) for _ in range(2)]
login = sign_in("login", input=LoginInput(identifier=EMAIL, password=PASSWORD))

operation = Operation(Query)
operation.me.email()
operation.users(first=1).total_count()
both, codes = run(operation, login.access_token)

emails, after = [], None
while True:
    operation = Operation(Query)
    users = operation.users(first=2, after=after)
    users.nodes.email()
    users.page_info.__fields__("has_next_page", "end_cursor")
    page = run(operation, staff_token)[0].users
    emails += [node.email for node in page.nodes]
    if not page.page_info.has_next_page:
        break
    after = page.page_info.end_cursor

operation = Operation(Mutation)
operation.logout_all().ended_session_ids()
ended = run(operation, login.access_token)[0].logout_all.ended_session_ids

operation = Operation(Query)
operation.viewer.id()
signed_out = run(operation, login.access_token)[0]

seen = {
    "signup": signup.__typename__,
    "refused": again.code,
    "login": login.__typename__,
    # sgqlc turns null into an empty object, so these are the values of the response
    "both": {"email": both.me.email, "users": both.__json_data__["users"], "codes": codes},
    "viewer": signed_out.__json_data__["viewer"],
    "paged": len(set(emails)) == len(emails) > 2 and EMAIL in emails,
    "ended": login.session.id in ended,
}
print(json.dumps(seen))
