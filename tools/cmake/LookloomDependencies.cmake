# Every foreign library, found once. All come from Debian 12 packages (tools/install-deps) but CUDA.
include(CheckLanguage)
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS C) # oneDNN's threads: each of ours runs it with one
find_library(LOOKLOOM_DNNL dnnl REQUIRED) # its CMake file would drag in OpenCL, which we do not use

# HDF5 is linked statically: Debian's shared library pulls in 36 others and 12 ms of start-up, which
# would be most of a lookloom-query call; the static one starts in 3 ms.
find_path(LOOKLOOM_HDF5_INCLUDE hdf5.h PATH_SUFFIXES hdf5/serial REQUIRED)
foreach(name IN ITEMS hdf5_serial_hl hdf5_serial sz aec z)
    find_library(LOOKLOOM_STATIC_${name} lib${name}.a REQUIRED)
    list(APPEND LOOKLOOM_HDF5_ARCHIVES ${LOOKLOOM_STATIC_${name}})
endforeach()
add_library(ll_hdf5 INTERFACE)
target_include_directories(ll_hdf5 SYSTEM INTERFACE ${LOOKLOOM_HDF5_INCLUDE})
target_link_libraries(ll_hdf5 INTERFACE ${LOOKLOOM_HDF5_ARCHIVES} m ${CMAKE_DL_LIBS})
target_link_options(ll_hdf5 INTERFACE -Wl,--gc-sections) # drops the S3 driver and, with it, libcurl

pkg_check_modules(jpeg REQUIRED IMPORTED_TARGET libjpeg)
pkg_check_modules(turbojpeg REQUIRED IMPORTED_TARGET libturbojpeg) # datasets/generate only
pkg_check_modules(webp REQUIRED IMPORTED_TARGET libwebp libwebpdemux)
pkg_check_modules(zlib REQUIRED IMPORTED_TARGET zlib) # what PNG is packed with
find_path(LOOKLOOM_STB_INCLUDE stb_image.h PATH_SUFFIXES stb REQUIRED)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(crypto REQUIRED IMPORTED_TARGET libcrypto)
# Static too, for the same reason: lookloom-query starts for every page of a shop.
foreach(name IN ITEMS jansson popt)
    find_path(LOOKLOOM_${name}_INCLUDE ${name}.h REQUIRED)
    find_library(LOOKLOOM_STATIC_${name} lib${name}.a REQUIRED)
    add_library(ll_${name} INTERFACE)
    target_include_directories(ll_${name} SYSTEM INTERFACE ${LOOKLOOM_${name}_INCLUDE})
    target_link_libraries(ll_${name} INTERFACE ${LOOKLOOM_STATIC_${name}})
endforeach()
pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(cairo REQUIRED IMPORTED_TARGET cairo) # datasets/generate only
find_library(LOOKLOOM_CSV csv REQUIRED)

check_language(CUDA)
if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    message(STATUS "CUDA: ${CMAKE_CUDA_COMPILER} for ${CMAKE_CUDA_ARCHITECTURES}")
else()
    message(STATUS "CUDA: no nvcc; building the cpu backend only")
endif()
