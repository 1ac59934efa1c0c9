# table.jq: the rounds of one table (slurped records of bench/round.jq) as text.

def titles: {a: "(a) ring", b: "(b) node, rhea + mqtt", c: "(c) one C process"};
def sinks: {broker: "into mosquitto with one subscriber", null: "into a null peer that only confirms"};

def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def left($n): . + (" " * ([$n - length, 0] | max));
def right($n): (" " * ([$n - length, 0] | max)) + .;

# a number with so many digits behind the point
def fixed($digits):
    if . == null then "-"
    else (pow(10; $digits)) as $p | (. * $p | round | tostring)
        | if $digits == 0 then . else right($digits + 1) | gsub(" "; "0") | .[:-$digits] + "." + .[-$digits:] end
    end;
def spread($digits): if any(. == null) then "-" else "\(median | fixed($digits)) [\(min | fixed($digits))–\(max | fixed($digits))]" end;

def row($title):
    ($title | left(22))
    + (map(.rate) | spread(0) | right(22)) + (map(.cpu_s) | spread(2) | right(20))
    + (map(.rss_peak_mb) | median | fixed(1) | right(10)) + (map(.pss_mb) | if any(. == null) then null else median end | fixed(1) | right(8))
    + (map(.first_ms) | median | fixed(0) | right(9));

def head: ("" | left(22)) + ("messages/s" | right(22)) + ("CPU-s per 100,000" | right(20)) + ("peak RSS" | right(10)) + ("PSS MB" | right(8)) + ("first ms" | right(9));

# figures of one bridge over another's, round by round
def ratio($rounds; $figure; $x; $y):
    ($rounds | map(select(.bridge == $x))) as $xs | ($rounds | map(select(.bridge == $y))) as $ys
    | if ($xs | length) == 0 or ($ys | length) == 0 then empty
      else [$xs[] as $one | $ys[] | select(.round == $one.round) | $one[$figure] / .[$figure]] | spread(2) end;

def ratio_line($rounds; $what; $figure; $x; $y):
    ratio($rounds; $figure; $x; $y) | "\($what) (\($x))/(\($y)) = \(.)";

def per_program:
    map(select(.bridge == "a").stages | to_entries[] | .value + {at: .key}) | group_by(.at)
    | map("\(.[0].name) \(map(.cpu_us) | median | fixed(1))") | join(", ");

map(select(.table == $table)) as $all
| "", "== \($table): \($title)",
  ( ("broker", "null") as $sink | ($all | map(select(.sink == $sink))) as $rounds
    | select($rounds | length > 0)
    | "", (sinks[$sink]), head,
      ($rounds | group_by(.bridge)[] | row(titles[.[0].bridge])),
      ratio_line($rounds; "CPU"; "cpu_s"; "a", "b"; "c"), ratio_line($rounds; "CPU"; "cpu_s"; "b"; "a"),
      ratio_line($rounds; "messages/s"; "rate"; "a"; "b", "c"),
      (if any($rounds[]; .bridge == "a") then "CPU of (a) in µs a message: \($rounds | per_program)" else empty end) )
