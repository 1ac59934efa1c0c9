# idle.jq: the records of bench/usage of the idle house (slurped), and what strace saw ($seen), as text.

def left($n): . + (" " * ([$n - length, 0] | max));
def right($n): (" " * ([$n - length, 0] | max)) + .;
def mb: if . == null then "-" else . / 1024 * 100 | round / 100 | tostring end;

($seen | split("\n") | map(capture("^(?<pid>[0-9]+) +(<\\.\\.\\. )?(?<call>[a-z0-9_]+)( resumed>|\\()")
    | if .call == "restart_syscall" then .call = "poll" else . end)) as $calls # the poll that strace interrupted
| map(select(.pid)) as $programs
| (map(select(.total)) | .[0]) as $all
| ("" | left(18)) + ("PSS MB" | right(8)) + ("private" | right(9)) + ("RSS" | right(8)) + "  system calls",
  ($programs[] | "\(.pid)" as $pid | (.name | left(18)) + (.pss_kb | mb | right(8)) + (.private_kb | mb | right(9)) + (.rss_kb | mb | right(8))
    + "  " + ($calls | map(select(.pid == $pid).call) | group_by(.) | if length == 0 then "none" else map("\(.[0]) \(length)") | join(", ") end)),
  "all \($all.processes) processes: PSS \($all.total.pss_kb | mb) MB (aim: under \($aim)), private \($all.total.private_kb | mb) MB",
  ($programs | map(select(.name | test("^(amqp-in|mqtt-out)$") | not) | "\(.pid)") as $quiet
    | $calls | map(select(.pid as $p | $quiet | index($p))) | length
    | "system calls of programs that speak to no broker: \(.)")
