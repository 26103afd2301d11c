"""How requests come in and answers go out: HTTPS, envelope, urls, and trouble on order."""
