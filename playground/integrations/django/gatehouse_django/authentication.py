"""An authentication class for Django REST framework."""

import jwt
from django.contrib.auth import get_user_model
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import APIException, AuthenticationFailed

from .tokens import verify


class KeysUnavailable(APIException):
    """Gatehouse's keys cannot be fetched, so no token can be verified."""

    status_code = 503
    default_detail = "Signing in is unavailable. Try again in a moment."
    default_code = "unavailable"


class GatehouseAuthentication(BaseAuthentication):
    """Authenticates with `Authorization: Bearer …`. `request.user` is a shadow of Gatehouse's user, and `request.auth` are the claims."""

    def authenticate(self, request):
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"bearer":
            return None
        if len(parts) != 2:
            raise AuthenticationFailed("The header must be `Authorization: Bearer TOKEN`.")
        try:
            claims = verify(parts[1].decode("ascii"))
        except (jwt.PyJWKClientConnectionError, OSError) as error:
            raise KeysUnavailable from error
        except (jwt.PyJWTError, UnicodeDecodeError) as error:
            raise AuthenticationFailed("The access token is not valid.") from error
        user = self.shadow(claims)
        if not user.is_active:
            raise AuthenticationFailed("This user is deactivated here.")
        return user, claims

    def authenticate_header(self, request):
        return "Bearer"

    def shadow(self, claims):
        """Returns the local user for these claims, and creates it at the first request. Override this to copy more claims.

        The username is the user's ID in Gatehouse, because usernames and addresses change hands. No permissions are copied:
        this service decides what the user may do.
        """
        User = get_user_model()
        name = {User.USERNAME_FIELD: claims["sub"]}
        user, is_new = User.objects.get_or_create(**name)
        email = claims.get("email") or ""
        if is_new:
            user.set_unusable_password()
        if is_new or user.email != email:
            user.email = email
            user.save()
        return user
