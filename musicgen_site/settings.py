"""All settings of the site, in one file, with defaults that run on a laptop.

Every value that differs between machines comes from the environment through `musicgen_site.env`, which refuses a
value that makes no sense. `.env.example` lists the names; docs/deployment.md says which to set in production.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host

from musicgen_site import env
from musicgen_site.static_headers import add_headers

BASE_DIR = Path(__file__).resolve().parent.parent
env.load_file(BASE_DIR / ".env")

# Everything the running site writes: database, messages, stored files, caches.
VAR_DIR = env.folder("VAR_DIR", BASE_DIR / "var")

# --- who may reach the site ------------------------------------------------------------------------------------------

DEBUG = env.flag("DEBUG", False)
SITE_URL = env.origin("SITE_URL", f"http://localhost:{env.integer('PORT', 8000, minimum=1, maximum=65535)}")
SITE_HOST = f"[{urlsplit(SITE_URL).hostname}]" if "[" in SITE_URL else str(urlsplit(SITE_URL).hostname)

LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
# Whoever names the address of the site need not name its host once more.
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", LOCAL_HOSTS if SITE_HOST in LOCAL_HOSTS else [*LOCAL_HOSTS, SITE_HOST])
if env.text("SITE_URL") and not validate_host(SITE_HOST, ALLOWED_HOSTS):
    raise ImproperlyConfigured(
        f"ALLOWED_HOSTS must include the host of SITE_URL, {SITE_HOST}: otherwise every visitor is refused. "
        f"Received: {', '.join(ALLOWED_HOSTS)}."
    )
SERVES_OTHERS = not set(ALLOWED_HOSTS) <= set(LOCAL_HOSTS)

LAPTOP_SECRET_KEY = "insecure-key-for-one-laptop-only"  # noqa: S105  refused below where it would matter
SECRET_KEY = env.text("SECRET_KEY", LAPTOP_SECRET_KEY)
SECRET_KEY_FALLBACKS = env.listing("SECRET_KEY_FALLBACKS", [])
if SERVES_OTHERS and (SECRET_KEY == LAPTOP_SECRET_KEY or len(SECRET_KEY) < 32):
    raise ImproperlyConfigured(
        "The site is public (ALLOWED_HOSTS or SITE_URL), but SECRET_KEY is missing or shorter than 32 characters. "
        'Make one with: python -c "import secrets; print(secrets.token_urlsafe(50))"'
    )

# Addresses and networks of our own proxies. What anybody else says about where a request comes from is ignored.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SERVED_OVER_HTTPS = SITE_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = [SITE_URL]
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = SERVED_OVER_HTTPS
CSRF_FAILURE_VIEW = "musicgen_site.errors.csrf_failure"
CSRF_COOKIE_SAMESITE = SESSION_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if SERVED_OVER_HTTPS else 0
SECURE_SSL_REDIRECT = SERVED_OVER_HTTPS and env.flag("SSL_REDIRECT", True)
# Load balancers and monitors ask these from inside, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
# /readyz names what is wrong to a client that sends this as a bearer token; to others it says whether all is well.
READY_TOKEN = env.text("READY_TOKEN")
# Other sites learn none of our addresses, some of which are secret links. Our own pages do: otherwise browsers would
# send forms with `Origin: null`, which are refused.
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Whom to tell of a weakness, in /.well-known/security.txt; without it there is no such file.
SECURITY_CONTACT = env.contact("SECURITY_CONTACT")

# --- what the site is made of ----------------------------------------------------------------------------------------

INSTALLED_APPS = [
    # django.contrib.admin, with the site of accounts.admin_site.
    "accounts.admin_app.SafeAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "allauth.account",
    "allauth.usersessions",
    "allauth.mfa",
    "accounts",
    "library",
    "generator",
    "musicgen_site.apps.SiteConfig",
]

MIDDLEWARE = [
    "musicgen_site.headers.HeadersMiddleware",
    "musicgen_site.proxies.TrustedProxiesMiddleware",
    "musicgen_site.proxies.RedirectLoopMiddleware",
    "musicgen_site.heads.HeadMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "musicgen_site.body_limit.BodyLimitMiddleware",
    "musicgen_site.odd_bytes.OddBytesMiddleware",
    "musicgen_site.compression.CompressionMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.page_limits.WriteLimitMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
]

ROOT_URLCONF = "musicgen_site.urls"
WSGI_APPLICATION = "musicgen_site.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.account",
                "musicgen_site.context.site",
            ],
        },
    },
]

DATABASES = {"default": env.database("DATABASE_URL", VAR_DIR / "music.sqlite3")}

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.passwords.LengthValidator"},
    {"NAME": "accounts.passwords.GuessableValidator"},
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/account/"
LOGOUT_REDIRECT_URL = "/"

# What a guest composed stays theirs for as long as the session lives (accounts.guests); a member's lives longer.
GUEST_DAYS = 7
SESSION_DAYS = 30
# A guest's network address is kept as a hash for limits, and that for this long.
CLIENT_HASH_DAYS = 7
SESSION_COOKIE_AGE = SESSION_DAYS * 24 * 3600
# An account that its owner wants deleted is closed at once and removed after this long, unless that is undone.
ACCOUNT_DELETION_DAYS = 7
# Everything of an account as a zip file is kept for its owner to download for this long.
DATA_EXPORT_DAYS = 7
# What was composed and nobody keeps is removed after this long (a guest's after GUEST_DAYS), and so is the trash.
DRAFT_DAYS = 30
TRASH_DAYS = 30
# What a member asked for stands on the list of generations for this long, and its row for longer where a piece is left.
GENERATION_DAYS = 90
SESSION_ENGINE = "django.contrib.sessions.backends.db"

# Steps that could take an account away ask for the password or a passkey, unless one was given within this long.
REAUTHENTICATION_SECONDS = env.integer("REAUTHENTICATION_SECONDS", 900, minimum=60, maximum=86_400)
# The same for all of /admin/.
ADMIN_SESSION_SECONDS = env.integer("ADMIN_SESSION_SECONDS", 3600, minimum=60, maximum=2_592_000)
# Staff get into /admin/ only with a second step (an authenticator app or a passkey). On wherever the site is public.
STAFF_REQUIRE_SECOND_FACTOR = env.flag("STAFF_REQUIRE_SECOND_FACTOR", SERVED_OVER_HTTPS)
# The owner of a proven address that was replaced can take the change back for this long.
EMAIL_UNDO_DAYS = env.integer("EMAIL_UNDO_DAYS", 7, minimum=1, maximum=60)
# Sign-ins, failures and changes of an account stay in its recent activity for this long.
SECURITY_EVENT_DAYS = env.integer("SECURITY_EVENT_DAYS", 90, minimum=1, maximum=3650)

# Without a mail server there are no codes and no reset by mail, and no page offers them.
MAIL = env.mail("EMAIL_URL")
MAIL_CONFIGURED = bool(MAIL)
EMAIL_BACKEND = MAIL.get("EMAIL_BACKEND", "django.core.mail.backends.dummy.EmailBackend")
EMAIL_HOST, EMAIL_PORT = MAIL.get("EMAIL_HOST", "localhost"), MAIL.get("EMAIL_PORT", 25)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = MAIL.get("EMAIL_HOST_USER", ""), MAIL.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS, EMAIL_USE_SSL = MAIL.get("EMAIL_USE_TLS", False), MAIL.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH = MAIL.get("EMAIL_FILE_PATH")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("MAIL_FROM", f"musicgen@{urlsplit(SITE_URL).hostname}")

# django-allauth does the work of signing up and in; accounts.adapter says what we want otherwise.
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "accounts.forms.LoginForm",
    "signup": "accounts.forms.SignUpForm",
    "change_password": "accounts.security_forms.ChangePasswordForm",
    "request_login_code": "accounts.security_forms.RequestLoginCodeForm",
    "reset_password": "accounts.security_forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.security_forms.NewPasswordForm",
    "set_password": "accounts.security_forms.SetPasswordForm",
}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_EMAIL_VERIFICATION = "optional" if MAIL_CONFIGURED else "none"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Musicgen] "
ACCOUNT_EMAIL_NOTIFICATIONS = MAIL_CONFIGURED
ACCOUNT_LOGIN_BY_CODE_ENABLED = MAIL_CONFIGURED
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_SESSION_REMEMBER = True
# A code by mail works for this long.
CODE_MINUTES = 3
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = CODE_MINUTES * 60
# One address a member: another one takes its place when it is proven.
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = REAUTHENTICATION_SECONDS
MFA_ADAPTER = "accounts.second_factor.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {"authenticate": "accounts.security_forms.SecondStepForm"}
MFA_PASSKEY_LOGIN_ENABLED = True
# Addresses are optional here, and a code goes to a proven one alone.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Musicgen"
# The code before and the one after count too: clocks of phones are off, and people type slowly.
MFA_TOTP_TOLERANCE = 1
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if SERVED_OVER_HTTPS else "http"
# By address alone where many people may share one; "key" is a name together with the address it was tried from
# (accounts.adapter), so that nobody is locked out by somebody else.
ACCOUNT_RATE_LIMITS = {"login_failed": "30/m/ip,5/5m/key", "signup": "40/h/ip"}

LANGUAGE_CODE = "en-us"
TIME_ZONE = env.text("TIME_ZONE", "UTC")
USE_TZ = True

# --- files -----------------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = env.folder("STATIC_ROOT", BASE_DIR / "staticfiles")
STATICFILES_DIRS = [BASE_DIR / "static"]
# Files at addresses that programs look at without being told: /favicon.ico, /robots.txt.
WHITENOISE_ROOT = BASE_DIR / "public"
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_ADD_HEADERS_FUNCTION = add_headers
# Sound banks and fonts are compressed already.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("sf3", "sf2", "woff2", "woff", "png", "jpg", "jpeg", "webp", "gz", "br", "zip")
# Django's hashed names, and our sound banks, which carry a hash of their own: browsers keep both for a year.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^.+\.[0-9a-f]{10,12}\..+$"

# Names of uploads keep the joiners that Persian and other languages spell with.
FILE_UPLOAD_HANDLERS = ["library.upload_handlers.NamesAsSent"]

# Stored files (pieces, bundles) are private: they lie outside the static folder and leave through views alone.
MEDIA_ROOT = env.folder("MEDIA_ROOT", VAR_DIR / "media")
S3_BUCKET = env.text("S3_BUCKET")
if S3_BUCKET:
    DEFAULT_STORAGE: dict[str, Any] = {
        "BACKEND": "library.storage_s3.PrivateS3Storage",
        "OPTIONS": {
            "bucket_name": S3_BUCKET,
            "endpoint_url": env.text("S3_ENDPOINT_URL") or None,
            "region_name": env.text("S3_REGION") or None,
            "access_key": env.text("S3_ACCESS_KEY") or None,
            "secret_key": env.text("S3_SECRET_KEY") or None,
            "location": env.text("S3_PREFIX"),
            # A job that is tried again writes the same object again (generator.services.jobs).
            "file_overwrite": True,
            "default_acl": None,
        },
    }
else:
    DEFAULT_STORAGE = {
        "BACKEND": "library.storage.PrivateFileSystemStorage",
        "OPTIONS": {"location": str(MEDIA_ROOT)},
    }
STORAGES: dict[str, dict[str, Any]] = {
    "default": DEFAULT_STORAGE,
    "staticfiles": {"BACKEND": "musicgen_site.static.HashedStaticFilesStorage"},
}

# Whether who downloads a file gets it through us, or a redirect to an address of the bucket that works for 5 minutes.
S3_DOWNLOADS = env.choice("S3_DOWNLOADS", ["stream", "redirect"], "stream")

# Bundles fetched from storage, by checksum, for the worker to read.
BUNDLE_CACHE_DIR = env.folder("BUNDLE_CACHE_DIR", VAR_DIR / "bundle-cache")
SHIPPED_BUNDLES_DIR = BASE_DIR / "generator" / "bundles"

# --- what a browser may do on our pages ------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        # The synthesizer decodes its sounds with WebAssembly.
        "script-src": ["'self'", "'wasm-unsafe-eval'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "media-src": ["'self'", "blob:"],
        "font-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    },
}

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser", "rest_framework.parsers.FormParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.PersonalTokenAuthentication",
        "accounts.authentication.GuestTokenAuthentication",
        "accounts.authentication.GuestSessionAuthentication",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.api_limits.RequestsPerMinute"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Musicgen",
    "DESCRIPTION": "Compose music, manage your library and download files. docs/api.md is the guide.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "StatusEnum": "generator.models.Generation.Status",
        "KindEnum": "library.models.Piece.Kind",
        "ComposedKindEnum": "generator.services.starts.KINDS",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "accounts.api_schema.describe_errors",
    ],
}

# --- jobs ------------------------------------------------------------------------------------------------------------

BROKER_URL = env.text("BROKER_URL", "filesystem://")
BROKER_DIR = env.folder("BROKER_DIR", VAR_DIR / "broker")
BROKER_SCHEMES = ("filesystem", "redis", "rediss", "amqp", "amqps")
if urlsplit(BROKER_URL).scheme not in BROKER_SCHEMES:
    raise ImproperlyConfigured(
        f"BROKER_URL must start with one of {', '.join(f'{scheme}://' for scheme in BROKER_SCHEMES)}. "
        f"Received: {urlsplit(BROKER_URL).scheme!r}."
    )
USES_FILESYSTEM_BROKER = BROKER_URL.startswith("filesystem:")

# Holds counts of attempts and of requests a minute alone, shared by all web processes.
if urlsplit(BROKER_URL).scheme in ("redis", "rediss"):
    CACHES: dict[str, dict[str, Any]] = {
        "default": {
            "BACKEND": "musicgen_site.cache.ForgivingRedisCache",
            "LOCATION": BROKER_URL,
            "KEY_PREFIX": "musicgen",
            "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2},
        }
    }
else:
    # Of this machine: a SQLite file in which they add and count one after the other.
    CACHES = {
        "default": {
            "BACKEND": "diskcache.DjangoCache",
            "LOCATION": str(VAR_DIR / "cache"),
            "SHARDS": 1,
            "DATABASE_TIMEOUT": 1.0,
            "OPTIONS": {"size_limit": 64 * 1024**2},
        }
    }

# A job may compose for this long before it is given up.
GENERATION_DEADLINE_SECONDS = env.integer("GENERATION_DEADLINE_SECONDS", 300, minimum=10, maximum=7200)
# A running job whose worker has written nothing for this long is taken for dead.
GENERATION_STALE_SECONDS = env.integer("GENERATION_STALE_SECONDS", 20, minimum=3, maximum=3600)
GENERATION_MAX_ATTEMPTS = 3
# How long the notes written while composing are kept after the piece is stored, for pages that still poll.
NOTE_CHUNK_KEEP_SECONDS = 600

# kombu warns about an address without a host.
CELERY_BROKER_URL = "filesystem://localhost" if USES_FILESYSTEM_BROKER else BROKER_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
if USES_FILESYSTEM_BROKER:
    CELERY_BROKER_TRANSPORT = "musicgen_site.broker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "data_folder_in": str(BROKER_DIR / "messages"),
        "data_folder_out": str(BROKER_DIR / "messages"),
        "control_folder": str(BROKER_DIR / "control"),
        # kombu consumes a message by moving its file. Without a folder of its own it moves into the system's
        # temporary folder, often another file system, where a move is a copy that two workers can both make.
        "store_processed": True,
        "processed_folder": str(BROKER_DIR / "processed"),
        "polling_interval": 0.1,
    }
elif urlsplit(BROKER_URL).scheme in ("redis", "rediss"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        # Longer than the longest job, or Redis delivers a running one again.
        "visibility_timeout": max(3600, 2 * GENERATION_DEADLINE_SECONDS),
        # Without these a Redis that answers nothing holds a visitor's request, and its thread, for ever. A worker
        # waits for messages in portions of one second, which is well below.
        "socket_connect_timeout": 2,
        "socket_timeout": 4,
    }
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {}
# A message that cannot be sent within a moment is sent later by the sweep: no visitor has to wait for the broker.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.2}
# The Generation row says how a job went; there is nothing to ask Celery for.
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "compose"
CELERY_TASK_ROUTES = {
    "generator.tasks.clean_up": {"queue": "maintenance"},
    "generator.tasks.check_bundles": {"queue": "maintenance"},
    "accounts.tasks.make_exports": {"queue": "maintenance"},
    "library.tasks.render_pieces": {"queue": "render"},
}
# One composer a process. TensorFlow and LiteRT do not survive a fork, and threads share one loaded network.
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = 1
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

# Which runtime plays the networks; auto is tensorflow where TensorFlow sees a GPU, and litert elsewhere.
RUNTIME = env.choice("RUNTIME", ["auto", "litert", "tensorflow"], "auto")
RUNTIME_THREADS = env.integer("RUNTIME_THREADS", 1, minimum=1, maximum=64)

# What makes sound files: auto is fluidsynth where that is installed, else tinysoundfont, which comes with the packages.
SYNTHESIZER = env.choice("SYNTHESIZER", ["auto", "fluidsynth", "tinysoundfont"], "auto")
# Sound files can be made again: those that nobody asks for go after this long, and the oldest while all are too many.
RENDERING_DAYS = env.integer("RENDERING_DAYS", 30, minimum=1, maximum=3650)
RENDERINGS_MAX_MB = env.integer("RENDERINGS_MAX_MB", 20_000, minimum=1, maximum=100_000_000)

# --- limits ----------------------------------------------------------------------------------------------------------

# By role (accounts.quotas); the administration may say otherwise for one user. Seconds of music, all takes together,
# that one may ask for in an hour; all guests behind one address together have a limit of their own, and so have all
# guests of the site, wherever they come from.
GUEST_SECONDS_PER_HOUR = env.integer("GUEST_SECONDS_PER_HOUR", 1800, minimum=1, maximum=10_000_000)
MEMBER_SECONDS_PER_HOUR = env.integer("MEMBER_SECONDS_PER_HOUR", 7200, minimum=1, maximum=10_000_000)
STAFF_SECONDS_PER_HOUR = env.integer("STAFF_SECONDS_PER_HOUR", 100_000, minimum=1, maximum=10_000_000)
GUESTS_SECONDS_PER_HOUR = env.integer("GUESTS_SECONDS_PER_HOUR", 72_000, minimum=1, maximum=100_000_000)
ADDRESS_SECONDS_PER_HOUR = env.integer("ADDRESS_SECONDS_PER_HOUR", 7200, minimum=1, maximum=10_000_000)
# Megabytes (2**20 bytes) that one may keep.
GUEST_STORED_MB = env.integer("GUEST_STORED_MB", 50, minimum=1, maximum=10_000_000)
MEMBER_STORED_MB = env.integer("MEMBER_STORED_MB", 1000, minimum=1, maximum=10_000_000)
STAFF_STORED_MB = env.integer("STAFF_STORED_MB", 10_000, minimum=1, maximum=10_000_000)
# Jobs of one owner that may wait or run at the same time.
GUEST_RUNNING_JOBS = env.integer("GUEST_RUNNING_JOBS", 3, minimum=1, maximum=1000)
MEMBER_RUNNING_JOBS = env.integer("MEMBER_RUNNING_JOBS", 3, minimum=1, maximum=1000)
STAFF_RUNNING_JOBS = env.integer("STAFF_RUNNING_JOBS", 10, minimum=1, maximum=1000)

# Requests to the API in a minute, and forms of pages with the writes. A page that plays what is being composed asks
# twice a second.
API_READS_PER_MINUTE = env.integer("API_READS_PER_MINUTE", 1200, minimum=1, maximum=1_000_000)
API_WRITES_PER_MINUTE = env.integer("API_WRITES_PER_MINUTE", 120, minimum=1, maximum=1_000_000)

# Bytes of one request. A file to start from may have 1 MB: one that is somewhat larger is told so beside its field.
BODY_BYTES = 8 * 2**20
# An administrator may upload a bundle of 32 MB.
ADMIN_BODY_BYTES = 34 * 2**20
# Without its script the page of uploads sends all that was chosen at once.
DATA_UPLOAD_MAX_NUMBER_FILES = 100

# --- log -------------------------------------------------------------------------------------------------------------

LOG_LEVEL = env.choice("LOG_LEVEL", ["DEBUG", "INFO", "WARNING", "ERROR"], "INFO")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"job": {"()": "accounts.logs.JobFilter"}},
    "formatters": {"line": {"format": "{asctime} {levelname} {name} [{job}] {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["job"]}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        **{name: {"level": LOG_LEVEL} for name in ("accounts", "library", "generator", "musicgen_site")},
        "celery": {"level": "INFO"},
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "django": {"handlers": ["console"], "level": "INFO", "propagate": False},
        # One line a request, from the web server, is enough.
        "django.request": {"level": "ERROR"},
    },
}
