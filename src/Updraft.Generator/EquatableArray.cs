using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;

namespace Updraft.Generator;

/// <summary>An array compared by content, so that the compiler knows when nothing changed.</summary>
internal readonly struct EquatableArray<T>(IEnumerable<T> items) : IEquatable<EquatableArray<T>>, IEnumerable<T> where T : IEquatable<T>
{
    private readonly T[] _items = items.ToArray();

    public int Count => _items?.Length ?? 0;
    public T this[int index] => _items[index];

    public bool Equals(EquatableArray<T> other) => this.SequenceEqual(other);
    public override bool Equals(object? obj) => obj is EquatableArray<T> other && Equals(other);
    public override int GetHashCode() => this.Aggregate(Count, (hash, item) => unchecked(hash * 31 + item.GetHashCode()));
    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)(_items ?? [])).GetEnumerator();
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
