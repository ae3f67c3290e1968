# A co-process of mode frames that reverses, and takes a millisecond for each request.
use strict;
$| = 1; binmode STDIN; binmode STDOUT;
while (read(STDIN, my $h, 16) == 16) {
	my ($m, $v, $c, $f, $n, $id) = unpack('CCCCVQ<', $h);
	my $text = '';
	read(STDIN, $text, $n) if $n;
	select undef, undef, undef, .001;
	print pack('CCCCVQ<', 0xff, 1, 0, 0x80, length $text, $id), scalar reverse $text;
}
