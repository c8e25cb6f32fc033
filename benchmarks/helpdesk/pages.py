"""django-helpdesk's ticket page and edit page, in a separate environment, requested line by line."""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import django
from django.conf import settings

FOLDER = Path(tempfile.mkdtemp(prefix="helpdesk-"))
settings.configure(
    DEBUG=False,
    SECRET_KEY="measured-only",
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF="helpdesk_urls",
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.sites",
        "django.contrib.humanize",
        "django.contrib.messages",
        "django.contrib.staticfiles",
        "rest_framework",
        "helpdesk",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "db.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    STATIC_URL="/static/",
    MEDIA_ROOT=str(FOLDER / "media"),
    SITE_ID=1,
    USE_TZ=True,
    LOGIN_URL="/login/",
    HELPDESK_TEAMS_MODE_ENABLED=False,
    LOGGING_CONFIG=None,
)
sys.path.insert(0, str(Path(__file__).resolve().parent))
django.setup()


def prepare():  # type: ignore[no-untyped-def]
    """Create a queue, a ticket with as many fields as ours, and a signed-in agent."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.test import Client
    from helpdesk.models import CustomField, Queue, Ticket

    call_command("migrate", verbosity=0)
    agent = get_user_model().objects.create_superuser("agent", "agent@example.com", "x")
    queue = Queue.objects.create(title="Support", slug="support")
    for number, kind in enumerate(("varchar", "date", "varchar", "text")):
        CustomField.objects.create(
            name=f"field{number}", label=f"Field {number}", data_type=kind, max_length=200, staff_only=False
        )
    ticket = Ticket.objects.create(
        title="Tiêu đề", queue=queue, description="Nội dung " * 60, submitter_email="a@example.com"
    )
    client = Client()
    client.force_login(agent)
    return client, ticket


def main():  # type: ignore[no-untyped-def]
    """Answer each line `ticket` or `edit` with the milliseconds that the page took."""
    client, ticket = prepare()
    paths = {"ticket": f"/tickets/{ticket.pk}/", "edit": f"/tickets/{ticket.pk}/edit/"}
    print("ready", flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        answer = client.get(paths[line.strip()])
        milliseconds = (time.perf_counter() - started) * 1000
        assert answer.status_code == 200, answer.status_code
        print(f"{milliseconds:.4f}", flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)


main()
