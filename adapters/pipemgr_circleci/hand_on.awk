# Prints assignments of what scripts and jobs wrote to be handed on, each value in quotes: nothing in it is ever run.
# Files: `environment` and, each with its name before those of its values, STEP_<ID> and NEEDS_<JOB> have lines
# NAME=value, or NAME<<WORD and lines up to WORD; `path` has a folder a line.
function quoted(text) { gsub(/\047/, "\047\"\047\"\047", text); return "\047" text "\047" }
function tell(text) { print "not handed on: " text > "/dev/stderr" }
function put(name, text) {
  if (prefix != "") { name = toupper(name); gsub(/[^A-Z0-9_]/, "_", name); name = prefix "_" name }
  if (name ~ /^[A-Za-z_][A-Za-z0-9_]*$/) print "export " name "=" quoted(text)
  else tell(name " is no name of a variable")
}
FNR == 1 {
  if (within) tell("no line " word " ends " key)
  file = FILENAME; sub(/.*\//, "", file); sub(/\..*/, "", file)
  prefix = file ~ /^(STEP|NEEDS)_/ ? file : ""; within = 0
}
file == "path" {
  if ($0 != "") print "case \":$PATH:\" in *:" quoted($0) ":*) ;; *) export PATH=" quoted($0) ":\"$PATH\" ;; esac"
  next
}
within {
  if ($0 == word) { put(key, value); within = 0 }
  else { value = lines++ ? value "\n" $0 : $0 }
  next
}
{
  equals = index($0, "="); here = index($0, "<<")
  if (here && (!equals || here < equals)) {
    key = substr($0, 1, here - 1); word = substr($0, here + 2); value = ""; lines = 0; within = 1
  }
  else if (equals) put(substr($0, 1, equals - 1), substr($0, equals + 1))
  else if ($0 != "") tell($0)
}
END { if (within) tell("no line " word " ends " key) }
