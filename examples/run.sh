#!/bin/sh
# From predictions to the first messages, in a fresh folder: sh examples/run.sh [FOLDER]
#
# It needs the `coopflow` command on the PATH, or named in $COOPFLOW. Nothing leaves: each message becomes a file.
# Run again on the same folder, it takes nothing in twice and sends nothing twice.
set -eu

coopflow=${COOPFLOW:-coopflow}
case $coopflow in
*/*) coopflow=$(CDPATH='' cd -- "$(dirname -- "$coopflow")" && pwd)/$(basename -- "$coopflow") ;;
esac
examples=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
folder=${1:-$(mktemp -d "${TMPDIR:-/tmp}/coopflow-example.XXXXXX")}
mkdir -p "$folder"
cd "$folder"
folder=$(pwd)
unset COOPFLOW_CONFIG COOPFLOW_DATABASE
exec 2>&1 # words for a person are part of the story

tell() {
    printf '\n== %s\n' "$*"
}

tell "A co-op is set up in $folder"
if [ -e coopflow.db ]; then
    echo "It is there already."
else
    "$coopflow" init .
fi

tell "500 families and the Martinez family come in"
"$coopflow" family import "$examples/families.csv"
"$coopflow" family import "$examples/martinez.csv"

tell "501 predictions are judged, each with its reason"
cat "$examples/martinez.jsonl" "$examples/predictions.jsonl" | "$coopflow" trigger - --format tsv >verdicts.tsv
echo "The first one:"
cut -f 3,4,5,7 verdicts.tsv | sed -n 2p

tell "One tick carries out what is due now"
"$coopflow" tick
written=$(find outbox -name '*.eml' | wc -l | tr -d ' ')
echo "Emails in the outbox: $written"
if [ "$written" -eq 0 ]; then
    echo "It is outside business hours where the families live, so all of them wait for the next opening."
fi

tell "What the coordinator sees"
"$coopflow" status --format table | sed -n '1,/^Instances/p' | sed '$d'

tell "And of the Martinez family"
"$coopflow" status --family 42 --format table

tell "Look around: cd $folder, then for example"
echo "  coopflow show 1             the whole story of the first instance"
echo "  coopflow why 42             why it was started"
echo "  coopflow task list          what waits for a person"
echo "  coopflow audit verify       whether the audit trail is as it was written"
