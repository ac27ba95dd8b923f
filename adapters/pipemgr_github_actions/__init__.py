"""GitHub Actions: workflows read and written."""
