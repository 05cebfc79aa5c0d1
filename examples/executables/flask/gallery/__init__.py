"""A small web application whose pages and styles are files beside its code."""

from flask import Flask, render_template, url_for

PICTURES = {"harbour": "Boats at noon", "orchard": "Apples & pears"}


def create_app():
    app = Flask(__name__)

    @app.get("/")
    def index():
        return render_template("index.html", pictures=PICTURES, style=url_for("static", filename="style.css"))

    @app.get("/<name>")
    def picture(name):
        title = PICTURES.get(name)
        return (render_template("picture.html", title=title), 200) if title else ("no such picture\n", 404)

    return app
