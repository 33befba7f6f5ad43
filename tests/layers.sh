#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# The plan of the house (docs/architecture.md), proved: the core names no plugin, each floor stands only on those
# below it, nothing goes in circles, and every file is short and says whose it is.  Each fault is one line.
set -u
cd "${srcdir:-$(dirname "$0")/..}" || exit 99
LC_ALL=C
export LC_ALL
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
faults=$work/faults
: > "$faults"

fault() {
	sed "s/\$/: $1/" >> "$faults"
}

sources() {
	find "$@" -type f \( -name '*.c' -o -name '*.h' \) | sort
}

# FILE:LINE:INCLUDED for each #include with quotation marks or angles, as they stand.
includes() {
	sources "$@" | xargs grep -nHE '^[[:space:]]*#[[:space:]]*include' |
		sed -E 's/^([^:]*:[0-9]+):[[:space:]]*#[[:space:]]*include[[:space:]]*(["<][^">]*[">]).*/\1 \2/'
}

# The core names no plugin: neither by its folder nor by an id that its sources give.
{
	for folder in plugins/*/; do
		basename "$folder"
	done
	sources plugins | xargs sed -nE 's/.*\.id = "(org\.vmm\.)?([^"]+)".*/\2/p'
} | sort -u > "$work/plugins"
test -s "$work/plugins" || echo "plugins: there is no plugin here to look for" >> "$faults"
find vmm -type f -exec grep -nHwF -f "$work/plugins" {} + | fault "the core names a plugin"

# Each folder includes only what is below it.
includes vmm | awk '
BEGIN {
	count = split("command machine plugin engine translate direct cpu memory control config state event", order, " ")
	for (i = 1; i <= count; i++)
		level[order[i]] = i
}
{
	split($1, place, ":")
	split(place[1], from, "/")
	if ($2 ~ /^"vmm\//) {
		split(substr($2, 2, length($2) - 2), to, "/")
		if (!(from[2] in level))
			print $1 ": vmm/" from[2] " is no folder of the plan"
		else if (!(to[2] in level))
			print $1 ": vmm/" to[2] " is no folder of the plan"
		else if (from[2] != to[2] && level[to[2]] < level[from[2]])
			print $1 ": vmm/" from[2] " must not use vmm/" to[2] ", which is above it"
		else if (from[2] != to[2] && level[from[2]] >= level["memory"] && to[2] != "event")
			print $1 ": vmm/" from[2] " may use vmm/event only, not vmm/" to[2]
	} else if ($2 ~ /^"/)
		print $1 ": include it by its whole path, \"vmm/...\", not " $2
	else if ($2 ~ /^<vmm\// && from[2] != "plugin" && from[2] != "machine" && from[2] != "command")
		print $1 ": vmm/" from[2] " must not know the SDK (" $2 ")"
}' >> "$faults"

# No circles between files.
includes vmm sdk plugins | awk '
{
	split($1, place, ":")
	folder = place[1]
	sub(/[^\/]*$/, "", folder)
	name = substr($2, 2, length($2) - 2)
	if ($2 ~ /^"vmm\//)
		print place[1], name
	else if ($2 ~ /^</ && name ~ /^vmm\//)
		print place[1], "sdk/include/" name
	else if ($2 ~ /^"/)
		print place[1], folder name
}' > "$work/edges"
test -s "$work/edges" || echo "vmm: no includes were found" >> "$faults"
if ! tsort "$work/edges" > /dev/null 2> "$work/circle"; then
	sed -n 's/^tsort: \(.*\.[ch]\)$/\1/p' "$work/circle" | tr '\n' ' ' | sed 's/ *$/: these include each other\n/' >> "$faults"
fi

# A plugin includes the SDK, its own files and libraries.
# shellcheck disable=SC2129
includes plugins | while read -r place name; do
	folder=$(dirname "${place%%:*}")
	file=${name#?}
	file=${file%?}
	case $name in
	*..*) echo "$place: a plugin must not reach out of its folder ($name)" ;;
	'"'*) test -f "$folder/$file" || echo "$place: $name is not in the plugin's folder" ;;
	'<vmm/'*) test -f "sdk/include/$file" || echo "$place: the SDK has no $name" ;;
	esac
done >> "$faults"

# Whose it is, in the first lines; a script has its interpreter before that.
find vmm plugins sdk tests scripts -type f \( -name '*.[ch]' -o -name '*.py' -o -name '*.sh' -o -path 'scripts/*' \) \
	! -path '*/__pycache__/*' -exec awk '
FNR == 1 { at = 1; spdx = 0 }
FNR == at && /^#!/ { at++; next }
FNR == at && !/SPDX-License-Identifier: BSD-2-Clause/ { print FILENAME ":" FNR ": no SPDX line here" }
FNR == at + 1 && !/Copyright \(c\) The vmm authors/ { print FILENAME ":" FNR ": no copyright line here" }' {} + >> "$faults"

# One job a file, and not too much of it.
find vmm plugins -type f -exec awk 'FNR == 601 { print FILENAME ":601: more than 600 lines: split it" }' {} + >> "$faults"

test -s "$faults" || exit 0
cat "$faults"
exit 1
