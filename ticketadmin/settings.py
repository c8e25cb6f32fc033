"""Every setting, read from the environment. README's table documents each variable once.

The defaults are safe, not convenient: no DEBUG, no key, no host but loopback. `make demo` sets what
a demonstration needs. `ticketadmin.checks` refuses to start with settings that would be dangerous.
"""

import logging
from datetime import timedelta
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from ticketadmin.installation.environment import Environment
from ticketadmin.installation.settings_file import BUNDLED, IS_CHECKOUT, USER_DATA
from ticketadmin.private_sqlite import PrivateConnection


def _from_file(variable: str, path: str) -> str:
    """Return what a secret's file holds, "" if none is named."""
    try:
        return Path(path).read_text(encoding="utf-8").strip() if path else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{variable}: {path} cannot be read ({type(error).__name__})") from error


env = Environment()
SETTINGS_FILE = env.str("SETTINGS_FILE", default="")
if SETTINGS_FILE:
    try:
        env.read_env(StringIO(Path(SETTINGS_FILE).read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        message = f"the settings file cannot be read: {SETTINGS_FILE} ({type(error).__name__})"
        raise ImproperlyConfigured(message) from error
BASE_DIR = BUNDLED.parents[1] if IS_CHECKOUT else BUNDLED
_DATA = BASE_DIR / "data" if IS_CHECKOUT else Path(USER_DATA)
DATA_DIR = Path(env.str("DATA_DIR", default=str(_DATA))).expanduser()

# --- the process ---------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
INSECURE_SECRET_KEY = "only-for-development-set-SECRET_KEY"  # noqa: S105 - refused outside DEBUG by E004
SECRET_KEY = _from_file("SECRET_KEY_FILE", env.str("SECRET_KEY_FILE", default="")) or env.str(
    "SECRET_KEY", default=INSECURE_SECRET_KEY
)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# How many trusted proxies are in front: their headers tell the client's address and https.
PROXIES = env.int("PROXIES", default=0)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PROXIES else None
ROOT_URLCONF = "ticketadmin.urls"
WSGI_APPLICATION = "ticketadmin.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- the remote CRM ------------------------------------------------------------------------------
# The path of the API is added to each call: an address that was copied with it means the same CRM.
TICKET_API_URL = env.str("TICKET_API_URL", default="").strip().rstrip("/").removesuffix("/api/v6.1")
TICKET_API_KEY = env.str("TICKET_API_KEY", default="")
TICKET_API_KEY_FILE = env.str("TICKET_API_KEY_FILE", default="")
TICKET_API_CODE_KEYS = env.list("TICKET_API_CODE_KEYS", default=["ticket_code"])
TICKET_API_COOKIE = env.str("TICKET_API_COOKIE", default="")
TICKET_API_READ = env.str("TICKET_API_READ", default="auto")
TICKET_API_TIMEOUT = env.float("TICKET_API_TIMEOUT", default=10.0)
TICKET_API_CUSTOM_FIELDS = env.str("TICKET_API_CUSTOM_FIELDS", default="whole")
TICKET_API_SIGN_FIELD = env.str("TICKET_API_SIGN_FIELD", default="")
TICKET_API_CA_FILE = env.str("TICKET_API_CA_FILE", default="")
TICKET_API_PROXY = env.str("TICKET_API_PROXY", default="")
TICKET_API_MAX_PER_SECOND = env.float("TICKET_API_MAX_PER_SECOND", default=0.0)
WEB_WORKERS = env.int("WEB_WORKERS", default=2)  # each has its share of what users may fetch ahead
# gunicorn.conf.py uses these two; read here, they are checked.
WEB_THREADS = env.int("WEB_THREADS", default=12)
BODY_SECONDS = env.float("BODY_SECONDS", default=20.0)
TICKET_INDEX_PER_SECOND = env.float("TICKET_INDEX_PER_SECOND", default=1.0)
CHOICES_MAX_AGE = env.int("CHOICES_MAX_AGE", default=300)
CUSTOM_DATE_TIME_ZONE = env.time_zone("CUSTOM_DATE_TIME_ZONE", default="Asia/Ho_Chi_Minh")
CONTENT_MAX_CHARACTERS = env.int("CONTENT_MAX_CHARACTERS", default=50_000)

# --- applications --------------------------------------------------------------------------------
INSTALLED_APPS = [
    "ticketadmin.apps.TicketAdminConfig",
    "ticketadmin.apps.AdministrationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "crispy_forms",
    "csp",
    "django_prose_editor",
    "django_tasks",
    "django_tasks_db",
]
MIDDLEWARE = [
    "ticketadmin.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "ticketadmin.middleware.SecurityHeadersMiddleware",  # before the files, which carry them, too
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ticketadmin.middleware.AccessLogMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # masked tokens and random padding keep BREACH out
    "csp.middleware.CSPMiddleware",
    "ticketadmin.signing_in.sessions.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "ticketadmin.middleware.AuditOriginMiddleware",
    "ticketadmin.signing_in.sessions.SessionLimitsMiddleware",
    "ticketadmin.signing_in.second_step.SecondStepMiddleware",
    "ticketadmin.middleware.PreferredLanguageMiddleware",
    "ticketadmin.middleware.MethodsMiddleware",
    "ticketadmin.middleware.BodyLimitMiddleware",
    "ticketadmin.middleware.WithoutNulMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "ticketadmin.middleware.SignInMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["ticketadmin.templatetags.texts"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "ticketadmin.views.frame.frame",
            ],
        },
    },
]
CRISPY_ALLOWED_TEMPLATE_PACKS = ("ticketadmin",)
CRISPY_TEMPLATE_PACK = "ticketadmin"

# --- our own rows --------------------------------------------------------------------------------
DATABASES = {"default": env.database("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'ticketadmin.sqlite3'}")}
if password := _from_file("DATABASE_PASSWORD_FILE", env.str("DATABASE_PASSWORD_FILE", default="")):
    DATABASES["default"]["PASSWORD"] = password
CONN_MAX_AGE = DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # WAL lets readers go on while one writes; IMMEDIATE takes the write lock at the start of a
    # transaction, so that two writers wait for each other instead of failing half-way.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        "factory": PrivateConnection,
    }

if DATABASES["default"]["ENGINE"].endswith("postgresql"):
    # A query that hangs must not hold a web thread, nor a lock the others. Queries stop at a limit: compiling
    # one (jit) takes longer than running it.
    limits = "-c statement_timeout=30000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000"
    limits += " -c jit=off"
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("options", limits)

# --- background work -----------------------------------------------------------------------------
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}}
BULK_LEASE_SECONDS = env.int("BULK_LEASE_SECONDS", default=10)
BULK_MAX_IN_FLIGHT = env.int("BULK_MAX_IN_FLIGHT", default=16)

# --- users ---------------------------------------------------------------------------------------
AUTH_USER_MODEL = "ticketadmin.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOCAL_ACCOUNTS = env.bool("LOCAL_ACCOUNTS", default=True)
# Groups of the company's directory or sign-in that mean a role here.
ROLE_GROUPS = {
    "staff": env.list("STAFF_GROUPS", default=[]),
    "lead": env.list("LEAD_GROUPS", default=[]),
    "administrator": env.list("ADMINISTRATOR_GROUPS", default=[]),
}
LDAP_URL = env.str("LDAP_URL", default="")
LDAP_START_TLS = env.bool("LDAP_START_TLS", default=False)
LDAP_CA_FILE = env.str("LDAP_CA_FILE", default="")
LDAP_BIND_DN = env.str("LDAP_BIND_DN", default="")
LDAP_BIND_PASSWORD = env.str("LDAP_BIND_PASSWORD", default="")
LDAP_USER_BASE = env.str("LDAP_USER_BASE", default="")
LDAP_USER_FILTER = env.str("LDAP_USER_FILTER", default="(uid=%(user)s)")
LDAP_NAME_ATTRIBUTE = env.str("LDAP_NAME_ATTRIBUTE", default="uid")
LDAP_GROUP_BASE = env.str("LDAP_GROUP_BASE", default="")
LDAP_GROUP_MEMBER = env.str("LDAP_GROUP_MEMBER", default="member")
OIDC_ISSUER = env.str("OIDC_ISSUER", default="")
OIDC_NAME = env.str("OIDC_NAME", default="")
OIDC_RP_CLIENT_ID = env.str("OIDC_CLIENT_ID", default="")
OIDC_RP_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", default="")
OIDC_RP_SCOPES = env.str("OIDC_SCOPES", default="openid profile email")
OIDC_USERNAME_CLAIM = env.str("OIDC_USERNAME_CLAIM", default="preferred_username")
OIDC_GROUPS_CLAIM = env.str("OIDC_GROUPS_CLAIM", default="groups")
OIDC_CA_FILE = env.str("OIDC_CA_FILE", default="")
OIDC_VERIFY_SSL = OIDC_CA_FILE or True
OIDC_TIMEOUT = 5  # seconds; a sign-in asks the provider three times
OIDC_USE_PKCE = True
OIDC_AUTHENTICATION_CALLBACK_URL = "openid_done"
# The extras may be missing; ticketadmin.checks reports it where they are needed.
HAS_LDAP = bool(LDAP_URL) and find_spec("django_auth_ldap") is not None
HAS_OIDC = bool(OIDC_ISSUER) and find_spec("mozilla_django_oidc") is not None
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    *(["ticketadmin.signing_in.local.LocalBackend"] if LOCAL_ACCOUNTS else []),
    *(["ticketadmin.signing_in.directory.DirectoryBackend"] if HAS_LDAP else []),
    *(["ticketadmin.signing_in.openid.OpenIdBackend"] if HAS_OIDC else []),
]
# Guesses of passwords are throttled: ticketadmin/signing_in/throttling.py says what is counted.
SIGN_IN_FAILURES = AXES_FAILURE_LIMIT = env.int("SIGN_IN_FAILURES", default=8)
SIGN_IN_FAILURES_OF_PERSON = env.int("SIGN_IN_FAILURES_OF_PERSON", default=40)
SIGN_IN_FAILURES_AT_ADDRESS = env.int("SIGN_IN_FAILURES_AT_ADDRESS", default=100)
SIGN_IN_WAIT_MINUTES = env.int("SIGN_IN_WAIT_MINUTES", default=10)
AXES_COOLOFF_TIME = timedelta(minutes=SIGN_IN_WAIT_MINUTES)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "username", "ip_address"]
AXES_HANDLER = "ticketadmin.signing_in.throttling.SignInThrottle"
AXES_USERNAME_CALLABLE = "ticketadmin.signing_in.throttling.counted_name"
AXES_CLIENT_IP_CALLABLE = "ticketadmin.signing_in.throttling.address_for_axes"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True
AXES_LOCKOUT_CALLABLE = "ticketadmin.views.error_pages.locked_out"
AXES_VERBOSE = False
# Two-step sign-in: of which users it is required, and for which sources it exists.
SECOND_STEP = env.str("SECOND_STEP", default="nobody")
SECOND_STEP_SOURCES = env.list("SECOND_STEP_SOURCES", default=["local"])
OTP_TOTP_ISSUER = "ticketadmin"
OTP_TOTP_SYNC = False  # tolerates a clock that is off by one step, but does not follow its drift
# Sessions end: without activity, and at the latest.
SESSION_ENGINE = "ticketadmin.signing_in.session_store"
SESSION_IDLE_MINUTES = env.int("SESSION_IDLE_MINUTES", default=60)
SESSION_HOURS = env.int("SESSION_HOURS", default=12)
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
PASSWORD_RESET_MINUTES = env.int("PASSWORD_RESET_MINUTES", default=60)
PASSWORD_RESET_TIMEOUT = PASSWORD_RESET_MINUTES * 60
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "tickets"
LOGOUT_REDIRECT_URL = "sign_in"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- how long things are kept --------------------------------------------------------------------
# Days; 0: never deleted. ticketadmin/services/erasing/retention.py says what each means.
KEEP_HISTORY_DAYS = env.int("KEEP_HISTORY_DAYS", default=730)
KEEP_BULK_DAYS = env.int("KEEP_BULK_DAYS", default=365)
KEEP_DRAFTS_DAYS = env.int("KEEP_DRAFTS_DAYS", default=180)
KEEP_AUDIT_DAYS = env.int("KEEP_AUDIT_DAYS", default=1_095)
# Those left at their defaults: an upgraded database is given notice before they delete anything.
RETENTION_BY_DEFAULT = frozenset(
    name for name in ("KEEP_HISTORY_DAYS", "KEEP_BULK_DAYS", "KEEP_DRAFTS_DAYS") if name not in env.ENVIRON
)

# --- e-mail --------------------------------------------------------------------------------------
_MAIL = env.mail("EMAIL_URL", default="consolemail://")
EMAIL_BACKEND = _MAIL["EMAIL_BACKEND"]
EMAIL_HOST, EMAIL_PORT = _MAIL["EMAIL_HOST"], _MAIL["EMAIL_PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _MAIL["EMAIL_HOST_USER"], _MAIL["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = _MAIL.get("EMAIL_USE_TLS", False), _MAIL.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH = _MAIL["EMAIL_FILE_PATH"] or None  # of filemail: a folder instead of a server
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("EMAIL_FROM", default="ticketadmin@localhost")

# --- languages and time --------------------------------------------------------------------------
LANGUAGES = [("en", "English"), ("vi", "Tiếng Việt")]
LANGUAGE_CODE = env.word("LANGUAGE_CODE", default="en", among=[code for code, _name in LANGUAGES])
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "locale" / "django"]  # our own texts; what Django's lack
FORMAT_MODULE_PATH = "ticketadmin.formats"
USE_THOUSAND_SEPARATOR = True  # numbers in templates; names such as keys of rows go through stringformat
TIME_ZONE = env.time_zone("TIME_ZONE", default="Asia/Ho_Chi_Minh")

# --- static files --------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))  # in a wheel, collected
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_ALLOW_ALL_ORIGINS = False  # no other site has a use for them
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "ticketadmin.storage.HashedStaticFiles"
    },
}

# --- security ------------------------------------------------------------------------------------
HTTPS_ONLY = env.bool("HTTPS_ONLY", default=not DEBUG)
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=False)
# The proxy redirects to https (deploy/nginx.conf), and HSTS holds. Preloading is a promise for the whole
# domain that is hard to take back: its owner makes it.
SILENCED_SYSTEM_CHECKS = ["security.W008", "security.W021"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS_ONLY
SECURE_HSTS_PRELOAD = env.bool("HSTS_PRELOAD", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS_ONLY
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "ticketadmin.views.error_pages.csrf_failure"
MAX_BODY = 11 * 1024 * 1024  # a file of a bulk update and its form; deploy/nginx.conf says the same
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}

# --- logs and metrics ----------------------------------------------------------------------------
DEFAULT_EXCEPTION_REPORTER_FILTER = "ticketadmin.logs.SafeErrorReport"
LOG_FORMAT = env.word("LOG_FORMAT", default="plain", among=("plain", "json"))
LOG_LEVEL = env.word("LOG_LEVEL", default="INFO", among=logging.getLevelNamesMapping())
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
METRICS_ADDRESSES = env.list("METRICS_ADDRESSES", default=[])
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"safe": {"()": "ticketadmin.logs.SafeRecord"}},
    "formatters": {
        "plain": {
            "()": "ticketadmin.logs.SafeFormatter",
            "format": "{asctime} {levelname} {name} [{request_id}] {message}",
            "style": "{",
        },
        "json": {"()": "ticketadmin.logs.JsonFormatter"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json" if LOG_FORMAT == "json" else "plain",
            "filters": ["safe"],
        },
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "axes": {"level": "WARNING"},
        "django_auth_ldap": {"level": "ERROR"},  # its warnings name users
        "django_tasks": {"level": "WARNING"},
    },
}

env.refuse_wrong_ones()
