/**
 * What waits for a change's deadline, for `sh -c`: a megabyte of memory and no start-up time, where the program that puts a gateway back
 * would take seventy for as long as somebody may confirm. It keeps the record of the change in memory, so that no disk is needed for that
 * later, and starts the program as soon as whoever carries the change out has died, shortly before the deadline, and at once on SIGTERM;
 * again and again until it has done its work. Nothing is put together from text: the words after it are
 *
 *   $1    the folder of changes
 *   $2    how long to wait, in hundredths of a second
 *   $3    the process that carries the change out
 *   $4 …  the program, which reads the record from its standard input, and is told `now` if it is hurried
 *
 * Prints “armed” once it has the record. For dash and busybox alike; one that cannot sleep for less than a second sleeps for one.
 */
export const WAIT_SCRIPT = `
trap '' HUP INT
trap hurried=now TERM
hurried=
record=$(cat)
read_uptime() { read -r up _ < /proc/uptime; up=\${up%.*}\${up#*.}; }
read_uptime
folder=$1 due=$((up + $2)) changer=$3
shift 3
echo armed
exec > /dev/null
while [ -z "$hurried" ]; do
  if [ -e "$folder/changing.json" ]; then [ -d "/proc/$changer" ] || break
  elif [ ! -e "$folder/unconfirmed.json" ]; then exit 0
  fi
  read_uptime
  [ "$up" -ge "$due" ] && break
  sleep 0.4 2> /dev/null || sleep 1
done
until printf '%s\\n' "$record" | "$@" $hurried; do sleep 1; done
`;
