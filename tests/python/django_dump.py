"""Creates a Django project with users whose passwords are hashed in every format, and dumps them as its owner would.

Usage: django_dump.py FOLDER PASSWORD
Writes FOLDER/users.jsonl (`dumpdata --format jsonl`) and FOLDER/users.csv (the table `auth_user`).
"""

import csv
import sys
from datetime import datetime, timezone
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

folder, password = Path(sys.argv[1]), sys.argv[2]

settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "django.db"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    PASSWORD_HASHERS=[
        f"django.contrib.auth.hashers.{name}PasswordHasher"
        for name in ["PBKDF2", "PBKDF2SHA1", "Argon2", "BCrypt", "BCryptSHA256", "Scrypt", "MD5"]
    ],
)
django.setup()
call_command("migrate", verbosity=0)

from django.contrib.auth.hashers import PBKDF2PasswordHasher, get_hashers, make_password  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.db import connection  # noqa: E402

# one user for each hasher, with Django's default cost
for hasher in get_hashers():
    name = hasher.algorithm
    person = User(username=name, email=f"{name}@example.org", password=make_password(password, hasher=name))
    person.save()

# the others can use a lower cost
PBKDF2PasswordHasher.iterations = 1000
User.objects.create_superuser("root", "Root@Example.org", password, first_name="Żółw", last_name="Łoś")
User.objects.create_user("staff", "staff@example.org", password, is_staff=True)
User.objects.create_user("inactive", "inactive@example.org", password, is_active=False)
User.objects.create_user("unusable", "unusable@example.org", None)
User.objects.create_user("nobody.has.mail", "", password)
User.objects.create_user("mail@example.org", "mail@example.org", password)
User.objects.create_user("only.a.name@example.org", "", password)
User.objects.create_user("two words", "words@example.org", password)
User.objects.create_user("two words more", "", password)
User.objects.filter(username="root").update(
    date_joined=datetime(2019, 5, 17, 8, 30, 15, 123456, timezone.utc),
    last_login=datetime(2024, 1, 31, 12, 0, 0, 654321, timezone.utc),
)

call_command("dumpdata", "auth.user", format="jsonl", output=str(folder / "users.jsonl"), verbosity=0)
with connection.cursor() as cursor, open(folder / "users.csv", "w", newline="") as file:
    # the table's raw values, without Django's conversions
    rows = cursor.connection.cursor().execute("SELECT * FROM auth_user")
    writer = csv.writer(file)
    writer.writerow([column[0] for column in rows.description])
    writer.writerows(sqlite_row for sqlite_row in rows)
