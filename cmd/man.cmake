# Writes the manual pages of the client into OUT: one for each name that CLIENT lists.
#   cmake -DCLIENT=bin/filesphere -DOUT=man -DVERSION=0.1.0 -P man.cmake
file(REMOVE_RECURSE ${OUT})
file(MAKE_DIRECTORY ${OUT})
execute_process(COMMAND ${CLIENT} __man OUTPUT_VARIABLE names COMMAND_ERROR_IS_FATAL ANY)
string(STRIP "${names}" names)
string(REPLACE "\n" ";" names "${names}")
foreach(name ${names})
    execute_process(COMMAND ${CLIENT} __man ${name} OUTPUT_FILE ${OUT}/${name}.1 COMMAND_ERROR_IS_FATAL ANY)
endforeach()
configure_file(${CMAKE_CURRENT_LIST_DIR}/filesphered.8 ${OUT}/filesphered.8 @ONLY)
