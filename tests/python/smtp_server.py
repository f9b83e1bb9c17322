"""A mail server for tests. A control file sets its replies. It appends each accepted mail to a file, one JSON object per line.

Usage: smtp_server.py PORT MAILS CONTROL [--tls CERT KEY] [--starttls CERT KEY] [--auth USER PASSWORD]
       [--name NAME]

CONTROL contains one word, which is read again for each mail:
  `ok`                          accepts the mail
  `4xx`, `5xx`                  refuse the recipient
  `data-4xx`, `data-5xx`        refuse the mail
  `drop`                        breaks the connection during the mail
  `slow`, `150ms`               accept the mail, and reply after 250 or 150 milliseconds
  `controls`, `controls-5xx`    accept or refuse the mail, with control characters in the reply
  `hang`                        accepts connections, but never replies
"""

import argparse
import asyncio
import json
import logging
import ssl
import warnings

from aiosmtpd.smtp import SMTP, AuthResult


CONTROLS = "\x1b]0;owned\x07\x1b[2J\x08\r\x7f"


class Handler:
    def __init__(self, arguments):
        self.arguments = arguments

    def mode(self):
        with open(self.arguments.control) as control:
            return control.read().strip()

    async def handle_RCPT(self, server, session, envelope, address, options):
        match self.mode():
            case "4xx":
                return "451 4.3.2 try again later"
            case "5xx":
                return "550 5.1.1 nobody of this name here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 known"

    async def handle_DATA(self, server, session, envelope):
        match self.mode():
            case "data-4xx":
                return "452 4.3.1 no room"
            case "data-5xx":
                return "554 5.6.0 not wanted here"
            case "controls-5xx":
                return f"554 5.6.0 no{CONTROLS}t"
            case "drop":
                server.transport.abort()
                return None
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "content": envelope.content.decode("ascii"),
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "user": session.auth_data.login.decode() if session.auth_data else None,
            "port": session.peer[1],
        }
        with open(self.arguments.mails, "a") as mails:
            mails.write(json.dumps(mail) + "\n")
        await asyncio.sleep({"slow": 0.25, "150ms": 0.15}.get(self.mode(), 0))
        return f"250 2.0.0 tak{CONTROLS}en" if self.mode() == "controls" else "250 2.0.0 taken"


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("mails")
    parser.add_argument("control")
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--starttls", nargs=2)
    parser.add_argument("--auth", nargs=2)
    parser.add_argument("--name", default="mail.test")
    arguments = parser.parse_args()
    handler = Handler(arguments)

    def context(files):
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        made.load_cert_chain(*files)
        return made

    def authenticate(server, session, envelope, mechanism, data):
        is_good = [data.login.decode(), data.password.decode()] == arguments.auth
        return AuthResult(success=is_good, handled=False, auth_data=data)

    options = {"hostname": arguments.name, "ident": "test server", "loop": asyncio.get_running_loop()}
    if arguments.starttls:
        options |= {"tls_context": context(arguments.starttls), "require_starttls": False}
    if arguments.auth:
        options |= {"authenticator": authenticate, "auth_required": True, "auth_require_tls": False}

    class Mute(asyncio.Protocol):
        pass

    def protocol():
        return Mute() if handler.mode() == "hang" else SMTP(handler, **options)

    tls = context(arguments.tls) if arguments.tls else None
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", arguments.port, ssl=tls)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


# some tests need logins without encryption, which the library would warn about
logging.disable()
warnings.simplefilter("ignore")
asyncio.run(main())
