/*
 * The program that a socket layer executes as its template: irc-client-template,
 * beside the file that the layer itself runs and called like that with
 * "-template" behind it. It has to be of the same build: worker and layer speak
 * with each other, and share the segments, without versions.
 */

#ifndef _TEMPLATE_FILE_H_INCLUDED_
#define _TEMPLATE_FILE_H_INCLUDED_

/*
 * Opens it. -1: there is none for this program, which has to be its own
 * template; *why says what is wrong with the file, or is NULL where none was
 * built.
 */
int template_file_open(const char **why);

#endif /* _TEMPLATE_FILE_H_INCLUDED_ */
