# SPDX-License-Identifier: BSD-2-Clause
# completion.bash: options of the programs for bash, as their help lists them: `. completion.bash`.

_netvale_options() {
  local words
  [[ $2 == -* ]] || return 0
  words=$("$1" --help 2>/dev/null | grep -oE '^  --?[a-zA-Z0-9][a-z0-9-]*')
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$2")
}

complete -o default -F _netvale_options bridge doctor emulate pkt-gen
