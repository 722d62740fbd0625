"""Our client at our server: from the first start to a restored picture, by OAuth."""

import re
import signal

from PIL import Image

from resilver.http_contract import PATH, TOKEN_PATH


def test_from_serve_to_a_picture_by_oauth(home, faded):
    """With the token of the first start a client logs in, is granted access, and gets its picture; no log has it."""
    home.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    photo = faded(home.path / "attic.jpg")
    with home.start("serve", "--port", "0", "--workers", "1") as server:
        try:
            token = re.search(r": (\S+)\n", server.stdout.readline())[1]
            url = re.search(r"on (\S+)\n", server.stdout.readline())[1]
            home.environ["RESILVER_CLOUD_TOKEN_URL"] = url + TOKEN_PATH
            credentials = home.path / "credentials"
            credentials.write_text(f"museum\n{token}\n")
            with credentials.open() as typed:
                assert home.run("login", "--oauth", "--base-url", url + PATH, stdin=typed).returncode == 0
            said = home.run("restore", "--engine", "cloud", "--base-url", url + PATH, "--yes-send", photo)
            assert said.returncode == 0, said.stderr
            with Image.open(home.path / "attic-improved.jpg") as improved:
                assert improved.size == (300, 200)
        finally:
            server.send_signal(signal.SIGTERM)
            out, err = server.communicate(timeout=60)
    assert (out, err) == ("", "")
    (log,) = (home.path.parent / "home").rglob("resilver.log")
    text = log.read_text()
    assert text.count(f"POST '{TOKEN_PATH}' 200") == 1
    assert f"POST '{PATH}' 200" in text
    assert token[:8] not in text + said.stdout + said.stderr
