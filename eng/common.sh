# Shared by ./demo, ./test and eng/*: sourced with the repository's root as working directory.
# shellcheck shell=bash

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1

# Build outputs of the scripts live apart from bin/ and obj/, so that an editor's builds and these never meet.
build_dir=$PWD/artifacts/build

die() {
    printf '%s: %s\n' "${program:-$0}" "$*" >&2
    exit 1
}

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
    bold='' dim='' red='' green='' plain=''
fi

require_dotnet() {
    command -v dotnet >/dev/null 2>&1 ||
        die "the .NET SDK 10 is needed and 'dotnet' is not on the PATH: see https://dotnet.microsoft.com/download"
    dotnet --version >/dev/null 2>&1 ||
        die "the .NET SDK that global.json asks for is missing: $(dotnet --version 2>&1 | grep -v '^$' | head -n 1)"
}

require_cc() {
    CC=${CC:-$(command -v cc || command -v gcc || command -v clang || true)}
    [ -n "$CC" ] || die "a C compiler and linker are needed and neither cc, gcc nor clang is on the PATH (Debian, Ubuntu: apt install gcc)"
    export CC
}
