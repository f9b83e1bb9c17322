"""Authenticates requests to Django REST framework by Gatehouse's access tokens."""
