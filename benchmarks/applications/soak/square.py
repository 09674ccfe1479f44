def square(n: int):
    return {"square": n * n}
