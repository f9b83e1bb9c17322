"""Judges passkey ceremonies with webauthn (py_webauthn).

Reads them from standard input as a JSON list, as tests/api/support/passkeys/ceremonies makes them, and prints a JSON
list of {"accepted", "reason"}.

Usage: python passkey_judge.py < CEREMONIES
"""

import json
import sys

from cryptography.exceptions import InvalidSignature
from webauthn import base64url_to_bytes, verify_authentication_response, verify_registration_response
from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography, verify_signature
from webauthn.helpers.cose import COSEAlgorithmIdentifier


def find(ceremony):
    """The steps 5 and 6 of §7.2, which the library leaves to its caller."""
    response, stored = ceremony["response"], ceremony["stored"]
    record = next((record for record in stored["records"] if record["credentialId"] == response["id"]), None)
    if record is None:
        raise ValueError("unknown credential")
    allowed = stored["allowed"]
    if allowed and response["id"] not in allowed:
        raise ValueError("not an allowed credential")
    handle = response["response"].get("userHandle")
    if not allowed if handle is None else handle != record["userHandle"]:
        raise ValueError("not the owner of the credential")
    return record


def check_key(public_key):
    """Raises an error if a new key cannot be used: the library finds out at the first authentication."""
    decoded = decode_credential_public_key(public_key)
    try:
        verify_signature(
            public_key=decoded_public_key_to_cryptography(decoded),
            signature_alg=decoded.alg,
            signature=b"",
            data=b"",
        )
    except InvalidSignature:
        pass


def verify(ceremony):
    expected = {
        "credential": ceremony["response"],
        "expected_challenge": base64url_to_bytes(ceremony["challenge"]),
        "expected_rp_id": ceremony["rpId"],
        "expected_origin": ceremony["origins"],
        "require_user_verification": ceremony["requireUserVerification"],
    }
    if ceremony["kind"] == "registration":
        algorithms = [COSEAlgorithmIdentifier(number) for number in ceremony["algorithms"]]
        verified = verify_registration_response(**expected, supported_pub_key_algs=algorithms)
        check_key(verified.credential_public_key)
        return
    record = find(ceremony)
    verify_authentication_response(
        **expected,
        credential_public_key=base64url_to_bytes(record["publicKey"]),
        credential_current_sign_count=record["signCount"],
    )


def judge(ceremony):
    try:
        verify(ceremony)
    except Exception as error:  # the library lets errors of its own dependencies through
        return {"accepted": False, "reason": f"{type(error).__name__}: {error}"}
    return {"accepted": True, "reason": ""}


json.dump([judge(ceremony) for ceremony in json.load(sys.stdin)], sys.stdout)
