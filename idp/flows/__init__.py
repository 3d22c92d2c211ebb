"""What a person does in a browser: register, sign in, forgot password, account."""

from idp.flows.desk import Desk
from idp.flows.guard import guard
from idp.flows.look import look_of
from idp.flows.routes import routes

__all__ = ["Desk", "guard", "look_of", "routes"]
