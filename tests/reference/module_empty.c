/* tests/reference/module_empty.c - a shared object that is no backend module. */
int ll_not_a_module(void);

int ll_not_a_module(void)
{
    return 0;
}
