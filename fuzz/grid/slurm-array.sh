#!/usr/bin/env bash
# A sweep as a Slurm job array, one shard an element, and the merge when all have ended well:
#
#   job=$(sbatch --parsable --array=1-256 slurm-array.sh shard ci --seeds 100000)
#   sbatch --dependency=afterok:"$job" slurm-array.sh merge
#
# KRAFTSIM (the binary) and OUT (a folder) are paths that all nodes have. A node that fails is requeued by
# Slurm; its orphan may end too, so a result gets its name only when it is whole. To fill gaps later, submit
# the array again with the same OUT: shards that are there end at once.
#SBATCH --job-name=kraftsim
#SBATCH --cpus-per-task=1
#SBATCH --mem=1G
#SBATCH --requeue
set -euo pipefail
: "${KRAFTSIM:=kraftsim}" "${OUT:=$PWD/kraftsim-grid}"

shard() {
    local i=$SLURM_ARRAY_TASK_ID n=$SLURM_ARRAY_TASK_COUNT
    local target=$OUT/shard-$i-of-$n.json scratch=$OUT/.shard-$i-of-$n.$SLURM_JOB_ID.${SLURM_RESTART_COUNT:-0}.json code=0
    mkdir -p "$OUT"
    if [ -e "$target" ]; then return 0; fi
    "$KRAFTSIM" sweep "$@" --shard "$i/$n" -j "${SLURM_CPUS_PER_TASK:-1}" --max-fail 4294967295 \
        --progress none --json "$scratch" --out "$OUT/repros-$i-of-$n" || code=$?
    case $code in
        # Findings are results: the element ends well, or the merge would never start.
        0 | 1 | 3 | 4) mv "$scratch" "$target" ;;
        # Bad usage, or nondeterminism, which no requeue mends.
        *) rm -f "$scratch"; return "$code" ;;
    esac
}

merge() {
    # Numbers of shards are in their names: those of another array are not mixed in.
    local shards=("$OUT"/shard-1-of-*.json) n i
    if [ "${#shards[@]}" -ne 1 ] || [ ! -e "${shards[0]}" ]; then
        echo "$OUT must hold the shards of one array" >&2
        return 2
    fi
    n=${shards[0]##*-of-} n=${n%.json} shards=()
    for ((i = 1; i <= n; i++)); do shards+=("$OUT/shard-$i-of-$n.json"); done
    "$KRAFTSIM" merge "${shards[@]}" -o "$OUT/all.json"
}

case ${1:-} in
    shard | merge) "$@" ;;
    *) echo "usage: slurm-array.sh shard SWEEP-FLAGS… | merge" >&2; exit 2 ;;
esac
