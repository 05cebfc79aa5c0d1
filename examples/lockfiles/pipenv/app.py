"""A function as clouds run them: what it needs at run time lies beside it."""

import jinja2
import requests

PAGE = jinja2.Template("Hello {{ name }}, from requests {{ version }}")


def handler(event, context=None):
    return PAGE.render(name=event.get("name", "world"), version=requests.__version__)


if __name__ == "__main__":
    print(handler({}))
