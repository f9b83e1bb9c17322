"""Authenticates requests to Django REST framework with Gatehouse's access tokens."""
