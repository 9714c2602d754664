using System.Text;

namespace Updraft.Headers;

/// <summary>Lines of C, with the indentation kept in one place and never two blank lines in a row.</summary>
internal sealed class CWriter
{
    private readonly StringBuilder _text = new();
    private int _depth;
    private bool _blankWanted;

    public void Line(string line)
    {
        if (_blankWanted)
        {
            _text.Append('\n');
            _blankWanted = false;
        }
        _text.Append(' ', line.StartsWith('#') ? 0 : 4 * _depth).Append(line).Append('\n');
    }

    /// <summary>A blank line, if anything follows.</summary>
    public void Blank() => _blankWanted = _text.Length > 0;

    public void Block(string open, Action body, string close)
    {
        Line(open);
        _depth++;
        body();
        _depth--;
        Line(close);
    }

    public void Comment(string text)
    {
        Line("/*");
        foreach (string line in text.Split('\n'))
        {
            Line((" * " + line).TrimEnd());
        }
        Line(" */");
    }

    public override string ToString() => _text.ToString();
}
