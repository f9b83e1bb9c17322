"""Verifies access tokens of Gatehouse (RFC 9068) with the keys that it publishes."""

import json
from functools import lru_cache
from urllib.request import urlopen

import jwt
from django.conf import settings

# the JWKS has one key for each, which works only with its own algorithm (RFC 8725 §3.1)
ALGORITHMS = ["EdDSA", "ES256", "RS256"]
TIMEOUT = 5


def verify(token: str) -> dict:
    """Returns the claims of a token.

    Raises `jwt.PyJWTError` if the token was not issued by `GATEHOUSE["ISSUER"]` for `GATEHOUSE["AUDIENCE"]`, or has expired.
    """
    issuer = settings.GATEHOUSE["ISSUER"]
    audience = settings.GATEHOUSE.get("AUDIENCE", issuer)
    header = jwt.get_unverified_header(token)
    if header.get("typ") != "at+jwt":
        raise jwt.InvalidTokenError("not an access token")
    if header.get("alg") not in ALGORITHMS:
        raise jwt.InvalidAlgorithmError("an algorithm that Gatehouse does not use")
    key = keys(issuer).get_signing_key_from_jwt(token)
    return jwt.decode(
        token,
        key.key,
        algorithms=[key.algorithm_name],
        audience=audience,
        issuer=issuer,
        options={"require": ["exp", "iss", "aud", "sub", "sid"]},
    )


@lru_cache
def keys(issuer: str) -> jwt.PyJWKClient:
    """Returns the client that fetches and caches the keys of an issuer."""
    with urlopen(f"{issuer.rstrip('/')}/.well-known/openid-configuration", timeout=TIMEOUT) as answer:
        metadata = json.load(answer)
    if metadata["issuer"] != issuer:
        raise jwt.PyJWKClientError(f"the metadata names the issuer {metadata['issuer']}")
    return jwt.PyJWKClient(metadata["jwks_uri"], timeout=TIMEOUT)
