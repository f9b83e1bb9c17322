"""One user's day with the client that ariadne-codegen generates, as in tests/node/clients.mjs.

Usage: ariadne_client.py FOLDER URL-OF-GRAPHQL STAFF-TOKEN
Generates the client into FOLDER, with a method for every example operation. Prints the results as JSON.
"""

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIG = f"""
[tool.ariadne-codegen]
schema_path = "{ROOT}/schema.graphql"
queries_path = "operations"
target_package_name = "gatehouse_client"

[tool.ariadne-codegen.scalars.DateTime]
type = "datetime.datetime"
"""

folder, url, staff_token = sys.argv[1:]
shutil.copytree(f"{ROOT}/playground/operations", f"{folder}/operations")
Path(folder, "operations", "both.graphql").write_text("query Both { me { email } users(first: 1) { totalCount } }")
Path(folder, "ariadne.toml").write_text(CONFIG)
command = [sys.executable, "-m", "ariadne_codegen", "--config", "ariadne.toml"]
subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)
sys.path.insert(0, folder)

from gatehouse_client import Client, GraphQLClientGraphQLMultiError, LoginInput, SignupInput  # noqa: E402

EMAIL, PASSWORD = "ariadne-codegen@example.org", "correct horse battery"


def client(token=None):
    return Client(url, headers={"authorization": f"Bearer {token}"} if token else {})


async def day():
    nobody = client()
    new_account = SignupInput(email=EMAIL, password=PASSWORD)
    signup = (await nobody.signup(new_account)).signup
    again = (await nobody.signup(new_account)).signup
    login = (await nobody.login(LoginInput(identifier=EMAIL, password=PASSWORD))).login

    user = client(login.access_token)
    try:
        both = await user.both()
        raise AssertionError(f"no error: {both}")
    except GraphQLClientGraphQLMultiError as refused:  # it contains the other fields' data
        codes = [error.extensions["code"] for error in refused.errors]
        both = {"email": refused.data["me"]["email"], "users": refused.data["users"], "codes": codes}

    staff, emails, after = client(staff_token), [], None
    while True:
        page = (await staff.users(first=2, after=after)).users
        emails += [node.email for node in page.nodes]
        if not page.page_info.has_next_page:
            break
        after = page.page_info.end_cursor

    ended = (await user.logout_all()).logout_all.ended_session_ids
    return {
        "signup": signup.typename__,
        "refused": again.code,
        "login": login.typename__,
        "both": both,
        "paged": len(set(emails)) == len(emails) > 2 and EMAIL in emails,
        "ended": login.session.id in ended,
        "viewer": (await user.viewer()).viewer,
    }


print(json.dumps(asyncio.run(day())))
