/*
 * Return codes of src/lib and irc-client. The numbers are those of their NGX_
 * brothers, which the module asserts at compile time.
 */

#ifndef _EIRC_CODES_H_INCLUDED_
#define _EIRC_CODES_H_INCLUDED_

#define EIRC_OK 0
#define EIRC_ERROR (-1)
#define EIRC_AGAIN (-2)
#define EIRC_DONE (-4)

#endif /* _EIRC_CODES_H_INCLUDED_ */
