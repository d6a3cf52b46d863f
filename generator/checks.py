"""System checks of what jobs need."""
