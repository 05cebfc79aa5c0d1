"""Serves the gallery, or prints what it answers: `serve --get PATH...`."""

import sys

from gallery import create_app


def main(arguments):
    app = create_app()
    if arguments[:1] != ["--get"]:
        app.run(port=int(arguments[0]) if arguments else 8000)
        return 0
    client = app.test_client()
    for path in arguments[1:]:
        response = client.get(path)
        print(response.status_code, path)
        print(response.get_data(as_text=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
