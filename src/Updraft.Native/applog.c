/* aclAppLog takes variable arguments, which C# cannot export: the text is made here and handed over. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#define EXPORT __attribute__((visibility("default")))

/* As long as a line can get; what is longer is cut. */
enum { LINE_SIZE = 1024 };

/* In guard.c: vsnprintf, and -1 when the format or an argument points nowhere. */
extern int updraft_guarded_format(char *text, size_t size, const char *fmt, va_list args);

/* In AppLog.cs. */
extern int updraft_app_log_shows(int level);
extern void updraft_app_log(int level, const char *func, const char *file, uint32_t line, const char *text);

EXPORT void aclAppLogWithArgs(int level, const char *func, const char *file, uint32_t line, const char *fmt, va_list args)
{
    char text[LINE_SIZE];
    if (!updraft_app_log_shows(level)) {
        return;
    }
    if (fmt == NULL || updraft_guarded_format(text, sizeof text, fmt, args) < 0) {
        text[0] = '\0';
    }
    updraft_app_log(level, func, file, line, text);
}

EXPORT __attribute__((format(printf, 5, 6)))
void aclAppLog(int level, const char *func, const char *file, uint32_t line, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    aclAppLogWithArgs(level, func, file, line, fmt, args);
    va_end(args);
}
