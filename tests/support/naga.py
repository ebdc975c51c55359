"""Gives WGSL to naga, Firefox's compiler, and to a driver behind it: a shader module and a pipeline each.

Reads {"shaders": [{"name", "code", "entry"}]} from standard input and writes {"adapter", "features", "refused": [{"name",
"reason"}], "left": [names]}. A shader that enables a feature which the adapter lacks is left out. Needs the
package `wgpu` and a Vulkan driver; Mesa's lavapipe will do.
"""

import json
import re
import sys

import wgpu

# By the directive that enables it. Naga does not know `enable subgroups`.
FEATURES = {"f16": "shader-f16"}

adapter = wgpu.gpu.request_adapter_sync(power_preference="high-performance")
offered = set(adapter.features)
device = adapter.request_device_sync(
    required_features=[f for f in FEATURES.values() if f in offered],
    required_limits={
        k: adapter.limits[k]
        for k in ("max-storage-buffers-per-shader-stage", "max-compute-invocations-per-workgroup")
    },
)
refused, left = [], []
for shader in json.load(sys.stdin)["shaders"]:
    name, code = shader["name"], shader["code"]
    wanted = re.findall(r"^\s*enable\s+(\w+);", code, re.MULTILINE)
    if any(FEATURES.get(f, f) not in offered for f in wanted):
        left.append(name)
        continue
    try:
        module = device.create_shader_module(label=name, code=code)
        device.create_compute_pipeline(layout="auto", compute={"module": module, "entry_point": shader["entry"]})
    except Exception as error:  # noqa: BLE001: whatever the compiler says no with
        refused.append({"name": name, "reason": str(error)})
json.dump(
    {"adapter": adapter.summary, "features": sorted(offered), "refused": refused, "left": left}, sys.stdout
)
