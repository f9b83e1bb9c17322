"""A Django service that authenticates requests with Gatehouse's access tokens.

Usage: drf_service.py ISSUER
Prints its port, and serves /whoami until its input ends.
"""

import sys
import threading
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import path

sys.path.insert(0, str(Path(__file__).parents[2] / "playground" / "integrations" / "django"))

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    GATEHOUSE={"ISSUER": sys.argv[1]},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": ["gatehouse_django.authentication.GatehouseAuthentication"]},
    ROOT_URLCONF=__name__,
    USE_TZ=True,
)
django.setup()
call_command("migrate", verbosity=0)

from rest_framework.decorators import api_view, permission_classes  # noqa: E402
from rest_framework.permissions import IsAuthenticated  # noqa: E402
from rest_framework.response import Response  # noqa: E402


@api_view()
@permission_classes([IsAuthenticated])
def whoami(request):
    user = request.user
    return Response({
        "username": user.username,
        "email": user.email,
        "is_staff": user.is_staff,
        "has_password": user.has_usable_password(),
        "id": user.pk,
        "role": request.auth["role"],
    })


urlpatterns = [path("whoami", whoami)]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
print(server.server_port, flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
server.serve_forever()
