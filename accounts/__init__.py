"""Users, guests and what it means to own something."""
