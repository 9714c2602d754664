# Sets the variables that AscendCL programs and their build scripts read, for the tree this file lies in.
# Source it: `. PREFIX/set_env.sh` in bash, zsh and other POSIX shells. Sourcing twice changes nothing.

# Where this file is: bash and zsh say it; of other shells the kernel knows which file they are reading.
_updraft_file=""
if [ -n "${BASH_VERSION:-}" ]; then
    eval '_updraft_file=${BASH_SOURCE[0]}'
elif [ -n "${ZSH_VERSION:-}" ]; then
    eval '_updraft_file=${(%):-%x}'
else
    for _updraft_fd in /proc/$$/fd/*; do
        _updraft_open=$(readlink "$_updraft_fd" 2>/dev/null) || continue
        case "$_updraft_open" in
            */set_env.sh | */setenv.bash) _updraft_file=$_updraft_open ;;
        esac
    done
    unset _updraft_fd _updraft_open
fi

# PREFIX/set_env.sh is also PREFIX/<arch>-linux/bin/setenv.bash.
_updraft_root=""
if [ -n "$_updraft_file" ]; then
    case "$_updraft_file" in */*) _updraft_root=${_updraft_file%/*} ;; *) _updraft_root=. ;; esac
    if [ -f "$_updraft_root/version.cfg" ]; then
        _updraft_root=$(CDPATH='' cd -- "$_updraft_root" && pwd)
    elif [ -f "$_updraft_root/../../version.cfg" ]; then
        # PREFIX/bin is a link: its parent is meant, not that of the link.
        _updraft_root=$(CDPATH='' cd -P -- "$_updraft_root" && cd -P -- ../.. && pwd)
    fi
fi

if [ -z "$_updraft_root" ] || [ ! -f "$_updraft_root/version.cfg" ]; then
    echo "set_env.sh: cannot tell where it is; source it by its full path in bash or zsh" >&2
    unset _updraft_file _updraft_root
    return 1 2>/dev/null || exit 1
fi

# Puts a directory first in a list, unless it is there already. No empty entries: the loader takes one for the current directory.
_updraft_first() {
    case ":$2:" in
        *":$1:"*) printf '%s' "$2" ;;
        *) printf '%s' "$1${2:+:$2}" ;;
    esac
}

export ASCEND_HOME_PATH="$_updraft_root"
export ASCEND_TOOLKIT_HOME="$_updraft_root"
export ASCEND_OPP_PATH="$_updraft_root/opp"
export ASCEND_AICPU_PATH="$_updraft_root"
export TOOLCHAIN_HOME="$_updraft_root/toolkit"
LD_LIBRARY_PATH=$(_updraft_first "$_updraft_root/lib64" "${LD_LIBRARY_PATH:-}")
PATH=$(_updraft_first "$_updraft_root/bin" "$PATH")
export LD_LIBRARY_PATH PATH

unset -f _updraft_first
unset _updraft_file _updraft_root
