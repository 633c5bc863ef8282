"""One Prefect task per step of a lifecycle, in files named after them."""
