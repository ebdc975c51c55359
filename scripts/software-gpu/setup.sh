#!/usr/bin/env bash
# Brings what tests without a GPU need: Chromium, a Vulkan loader, Mesa's lavapipe, and a copy of Chromium whose
# WebGPU runs on lavapipe. Writes an env file and prints its path. Run it again at will: it does what is missing.
#
#   source "$(scripts/software-gpu/setup.sh)"
#   INNATE_CHROMIUM            browser whose --use-webgpu-adapter=swiftshader is lavapipe (or SwiftShader)
#   INNATE_CHROMIUM_STOCK      the untouched browser
#   INNATE_SOFTWARE_ADAPTER    lavapipe | swiftshader: which one the former really has
#
# Debian 12 (Ubuntu should work). Where lavapipe cannot be had, SwiftShader takes its place and only tests in
# Node on webgpu are skipped.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${INNATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/innate}/software-gpu
mkdir -p "$cache"
log="$cache/setup.log"
say() { echo "software-gpu: $*" >&2; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
apt_install() { as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1; }

stock_chromium() {
  for c in /usr/lib/chromium/chromium /usr/lib/chromium-browser/chromium-browser /opt/google/chrome/chrome; do
    if [ -x "$c" ]; then echo "$c"; return; fi
  done
}
mesa_new_enough() { dpkg-query -W -f='${Version}' mesa-vulkan-drivers 2>/dev/null | grep -qE '^(2[4-9]|[3-9][0-9])\.'; }
lavapipe_library() { ls /usr/lib/*/libvulkan_lvp.so 2>/dev/null | head -n 1 || true; }

if [ -z "$(stock_chromium)" ] || ! command -v gcc >/dev/null || [ ! -f /usr/include/vulkan/vulkan.h ] || ! mesa_new_enough; then
  say "installing Chromium and Mesa (once)"
  # shellcheck disable=SC1091
  . /etc/os-release
  # Debian 12's own Mesa is too old for Dawn; its backports, from the archive that apt already uses, are not.
  if [ "${VERSION_CODENAME:-}" = bookworm ]; then
    list=/etc/apt/sources.list.d/bookworm-backports-innate.list
    archive=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -v '^ *#' | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1 | tr -d ' ' || true)
    if [ -n "$archive" ] && ! cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -q bookworm-backports; then
      echo "deb $archive bookworm-backports main" | as_root tee "$list" >/dev/null
    fi
  fi
  as_root apt-get update >"$log" 2>&1 || true
  [ -n "$(stock_chromium)" ] || apt_install chromium || { say "no Chromium could be installed, see $log"; exit 1; }
  apt_install gcc libc6-dev libvulkan1 libvulkan-dev || say "no compiler or Vulkan loader: SwiftShader only"
  if [ "${VERSION_CODENAME:-}" = bookworm ]; then apt_install -t bookworm-backports mesa-vulkan-drivers || true; else apt_install mesa-vulkan-drivers || true; fi
fi

chromium=$(stock_chromium)
library=$(lavapipe_library)
adapter=swiftshader
patched=$chromium
if [ -n "$library" ] && mesa_new_enough && command -v gcc >/dev/null && [ -f "$(dirname "$chromium")/libvk_swiftshader.so" ]; then
  stamp="$(stat -c '%Y %s' "$chromium") $(cksum <"$here/vk-shim.c")"
  copy="$cache/chromium"
  if [ ! -x "$copy/$(basename "$chromium")" ] || [ "$(cat "$cache/stamp" 2>/dev/null)" != "$stamp" ]; then
    say "preparing a browser on lavapipe"
    rm -rf "$copy" && mkdir -p "$copy"
    cp -al "$(dirname "$chromium")/." "$copy/" 2>/dev/null || cp -a "$(dirname "$chromium")/." "$copy/"
    # The page's own GL keeps SwiftShader under another name; WebGPU, which opens libvk_swiftshader.so, gets the shim.
    cp --remove-destination "$(dirname "$chromium")/libvk_swiftshader.so" "$copy/libvk_swiftshader_real.so"
    sed 's#libvk_swiftshader.so#libvk_swiftshader_real.so#' "$(dirname "$chromium")/vk_swiftshader_icd.json" >"$cache/icd.json"
    cp --remove-destination "$cache/icd.json" "$copy/vk_swiftshader_icd.json"
    rm -f "$copy/libvk_swiftshader.so"
    gcc -O2 -shared -fPIC -fvisibility=hidden -o "$copy/libvk_swiftshader.so" "$here/vk-shim.c" -ldl
    echo "$stamp" >"$cache/stamp"
  fi
  adapter=lavapipe
  patched="$copy/$(basename "$chromium")"
fi

{
  echo "export INNATE_CHROMIUM='$patched'"
  echo "export INNATE_CHROMIUM_STOCK='$chromium'"
  echo "export INNATE_SOFTWARE_ADAPTER=$adapter"
  echo 'export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/tmp}'
  if [ "$adapter" = lavapipe ]; then
    echo "export LAVAPIPE_SO='$library'"
    echo "export VK_ICD_FILENAMES='$(ls /usr/share/vulkan/icd.d/lvp_icd*.json | head -n 1)'"
    if grep -q avx512f /proc/cpuinfo; then echo 'export LP_NATIVE_VECTOR_WIDTH=${LP_NATIVE_VECTOR_WIDTH:-512}'; fi
  fi
} >"$cache/env"
say "adapter: $adapter"
echo "$cache/env"
