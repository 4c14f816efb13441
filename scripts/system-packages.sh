# Installs the system packages named in a file where that is possible: Debian or Ubuntu, as root. Elsewhere it says
# what is missing and goes on; a test or a check that needs one then fails with the library's name.
set -eu

command -v dpkg-query >/dev/null || exit 0
missing=""
for package in $(grep -v '^#' "$1"); do
    # "npm:npm": a program that may have come from elsewhere, and the package that brings it otherwise
    case "$package" in
        *:*) command -v "${package%%:*}" >/dev/null && continue; package=${package#*:} ;;
    esac
    # renamed packages (libglib2.0-0t64) provide the old name; removed ones stay listed until they are purged
    dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' |
        grep -qE "^installed (.*[ ,])?$package([ ,]|\$)" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
else
    echo "Missing system packages; please run: sudo apt-get install$missing" >&2
fi
