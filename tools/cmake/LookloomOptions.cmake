# How everything is compiled: one interface target that every target of ours links privately.
option(LOOKLOOM_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(LOOKLOOM_WERROR "Treat warnings as errors" OFF)
option(LOOKLOOM_LONG_TESTS "Also the tests that take many minutes" OFF)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(ll_warnings INTERFACE)
target_compile_options(ll_warnings INTERFACE
    $<$<COMPILE_LANGUAGE:C>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wvla>
    $<$<AND:$<COMPILE_LANGUAGE:C>,$<BOOL:${LOOKLOOM_WERROR}>>:-Werror>)
# Scores are defined to the bit: the compiler may not fuse a multiplication and an addition by itself.
target_compile_options(ll_warnings INTERFACE $<$<COMPILE_LANGUAGE:C>:-ffp-contract=off>)
# Files name themselves from the root: no program holds the folder it was built in.
target_compile_options(ll_warnings INTERFACE
    $<$<COMPILE_LANGUAGE:C>:-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=>)
# POSIX 2008 and files beyond 2 GiB, everywhere the same.
target_compile_definitions(ll_warnings INTERFACE _POSIX_C_SOURCE=200809L _FILE_OFFSET_BITS=64)

# Developers' builds keep their assertions: CMake would add -DNDEBUG here too.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")

if(LOOKLOOM_SANITIZE)
    add_compile_options($<$<COMPILE_LANGUAGE:C>:-fsanitize=address,undefined>
                        $<$<COMPILE_LANGUAGE:C>:-fno-sanitize-recover=undefined>
                        $<$<COMPILE_LANGUAGE:C>:-fno-omit-frame-pointer>)
    add_link_options(-fsanitize=address,undefined)
endif()

# ll_module(NAME SOURCES... [LINKS ...] [USES ...]): a static library of ours. LINKS are the modules
# it may include, and travel on; USES are foreign libraries, which stay inside.
function(ll_module name)
    cmake_parse_arguments(arg "" "" "SOURCES;LINKS;USES" ${ARGN})
    add_library(${name} STATIC ${arg_SOURCES})
    target_include_directories(${name} PUBLIC "${PROJECT_SOURCE_DIR}")
    target_link_libraries(${name} PUBLIC ${arg_LINKS} PRIVATE ll_warnings ${arg_USES})
endfunction()
