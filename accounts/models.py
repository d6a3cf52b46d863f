from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A member or an administrator. Our own class from the first migration on, so that it can grow."""
