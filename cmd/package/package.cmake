# libfilesphere for programs of users, and `make install`: programs, library, header, pkg-config file, CMake
# package, man pages, completions, service, documentation.
include(CMakePackageConfigHelpers)

# -- the library, shared --------------------------------------------------------------------------------------------

# Only filesphere_* is exported.  What it takes from core and proto is inside, under local names.
add_library(filesphere-shared SHARED $<TARGET_OBJECTS:fsp_client_objects>)
target_link_libraries(filesphere-shared PRIVATE fsp_proto PkgConfig::CZMQ PkgConfig::ZMQ Threads::Threads)
target_include_directories(filesphere-shared INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set(fsp_map ${CMAKE_SOURCE_DIR}/cmd/package/libfilesphere.map)
target_link_options(filesphere-shared PRIVATE -Wl,--version-script=${fsp_map} -Wl,--as-needed)
if(NOT FSP_SANITIZE)
    target_link_options(filesphere-shared PRIVATE -Wl,--no-undefined)
endif()
set_target_properties(filesphere-shared PROPERTIES OUTPUT_NAME filesphere EXPORT_NAME filesphere LINKER_LANGUAGE C
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINK_DEPENDS ${fsp_map}
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

# -- the library, static --------------------------------------------------------------------------------------------

# One object: the client, and of core and proto the files that it needs; all names but filesphere_* are made local, so
# that they meet no names of the program.
set(fsp_parts proto data meta auth place crypto base)
list(TRANSFORM fsp_parts REPLACE "(.+)" "$<TARGET_FILE:fsp_\\1>" OUTPUT_VARIABLE fsp_archives)
list(TRANSFORM fsp_parts PREPEND "fsp_" OUTPUT_VARIABLE fsp_targets)
set(fsp_static ${CMAKE_BINARY_DIR}/lib/libfilesphere.a)
add_custom_command(OUTPUT ${fsp_static}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/lib
    COMMAND ${CMAKE_COMMAND} -E rm -f ${fsp_static}
    COMMAND ${CMAKE_LINKER} -r -o filesphere.o $<TARGET_OBJECTS:fsp_client_objects>
            --start-group ${fsp_archives} --end-group
    COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=filesphere_* filesphere.o
    COMMAND ${CMAKE_AR} rcs ${fsp_static} filesphere.o
    COMMAND ${CMAKE_COMMAND} -E rm -f filesphere.o
    DEPENDS fsp_client_objects $<TARGET_OBJECTS:fsp_client_objects> ${fsp_targets}
    COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(filesphere-static ALL DEPENDS ${fsp_static})

# -- install --------------------------------------------------------------------------------------------------------

install(TARGETS filesphered filesphere filesphere-bench RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS filesphere-shared EXPORT filesphere LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${fsp_static} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES actors/filesphere.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(fsp_here ${CMAKE_SOURCE_DIR}/cmd/package)
set(fsp_made ${CMAKE_BINARY_DIR}/package)
configure_file(${fsp_here}/filesphere.pc.in ${fsp_made}/filesphere.pc @ONLY)
install(FILES ${fsp_made}/filesphere.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(fsp_package ${CMAKE_INSTALL_LIBDIR}/cmake/filesphere)
configure_package_config_file(${fsp_here}/filesphereConfig.cmake.in ${fsp_made}/filesphereConfig.cmake
    INSTALL_DESTINATION ${fsp_package} PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${fsp_made}/filesphereConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${fsp_made}/filesphereConfig.cmake ${fsp_made}/filesphereConfigVersion.cmake
    DESTINATION ${fsp_package})
install(EXPORT filesphere NAMESPACE filesphere:: FILE filesphereTargets.cmake DESTINATION ${fsp_package})

# A distribution's package (prefix /usr) and /usr/local both have these folders below their prefix.
configure_file(${fsp_here}/filesphered.service.in ${fsp_made}/filesphered.service @ONLY)
install(FILES ${fsp_made}/filesphered.service DESTINATION lib/systemd/system)
install(FILES ${fsp_here}/filesphere.sysusers DESTINATION lib/sysusers.d RENAME filesphere.conf)

# The manual is made by the target `man`, the completions here, both from the command table: not in a cross tree.
foreach(section 1 8)
    install(DIRECTORY ${CMAKE_BINARY_DIR}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} OPTIONAL
        FILES_MATCHING PATTERN "*.${section}")
endforeach()
if(NOT CMAKE_CROSSCOMPILING)
    foreach(shell bash zsh fish)
        set(file ${fsp_made}/filesphere.${shell})
        add_custom_command(OUTPUT ${file} COMMAND filesphere completion ${shell} > ${file} DEPENDS filesphere VERBATIM)
        list(APPEND fsp_completions ${file})
    endforeach()
    add_custom_target(completions ALL DEPENDS ${fsp_completions})
endif()
install(FILES ${fsp_made}/filesphere.bash RENAME filesphere OPTIONAL
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${fsp_made}/filesphere.zsh RENAME _filesphere OPTIONAL
    DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${fsp_made}/filesphere.fish OPTIONAL DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

# As they lie in the repository, so that the links between them work: what is linked to is there, too.
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} PATTERN "__pycache__" EXCLUDE)
file(GLOB fsp_readmes RELATIVE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/bench/README.md
    ${CMAKE_SOURCE_DIR}/tests/README.md ${CMAKE_SOURCE_DIR}/tests/*/README.md)
foreach(readme ${fsp_readmes})
    get_filename_component(folder ${readme} DIRECTORY)
    install(FILES ${readme} DESTINATION ${CMAKE_INSTALL_DOCDIR}/${folder})
endforeach()
