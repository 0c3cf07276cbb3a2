"""Where this environment keeps its packages; one JSON document on descriptor 3."""

import json
import os
import sysconfig

with os.fdopen(3, "w", encoding="utf-8") as answer:
    json.dump({"site": sysconfig.get_path("platlib")}, answer)
