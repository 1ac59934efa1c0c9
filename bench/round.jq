# round.jq: the figures of one run, from what the sink printed ($sink_says) and what the bridge's processes had used
# before and after ($before, $after: records of bench/usage). One object; bench/table.jq reads them.

def total: map(select(.total)) | .[0].total;
def programs: map(select(.pid));
def round_to($n): . * $n | round / $n;
def spent_us: (.cpu_us // 0) + (.children_ms // 0) * 1000; # those before it that are gone included
def spent($figure): ($after | total[$figure]) - ($before | total[$figure]);
# the child of the bridge (or the bridge) that a process is, or descends from
def stage($all):
    .parent as $parent | ($all | map(select(.pid == $parent)) | .[0]) as $up
    | if $up == null or $up.pid == $all[0].pid then .pid else $up | stage($all) end;

($sink_says | map(select(.phase == 0)) | .[0]) as $warm_up
| ($sink_says | map(select(.phase == 1)) | .[0]) as $phase
| ($sink_says | .[-1]) as $final
| ($before | programs | map({key: "\(.pid)", value: .}) | from_entries) as $was
| $phase.count as $count
| {
    table: $table, sink: $sink, bridge: $bridge, round: $round, count: $count,
    rate: (($count - 1) * 1e6 / $phase.span_us | round),
    cpu_s: (spent("cpu_us") / $count / 10 | round_to(1000)),
    user_s: (spent("user_ms") * 100 / $count | round_to(1000)),
    system_s: (spent("system_ms") * 100 / $count | round_to(1000)),
    rss_peak_mb: ($after | total.rss_peak_kb / 1024 | round_to(10)),
    pss_mb: ($after | total.pss_kb | if . then . / 1024 | round_to(10) else null end),
    first_ms: (($warm_up.first_at_us - $started) / 1000 | round),
    stages: ($after | programs | . as $all
        | map(. + {stage: stage($all), cpu: (spent_us - ($was["\(.pid)"] | spent_us))})
        | group_by(.stage) | map({name: .[0].name, cpu_us: (map(.cpu) | add / $count | round_to(100))})),
    lost: 0, duplicates: $final.duplicates, wrong: $final.wrong
  }
